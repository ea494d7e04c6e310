//! `ip -j addr`, and lists of addresses: any text.
#![no_main]

use ctwatch::source::own_addresses;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = own_addresses::list(text);
    let _ = own_addresses::ip_json(text);
});
