//! `sysctl -a` and its like: any text.
#![no_main]

use ctwatch::source::sysctl_listing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = sysctl_listing::read(text);
});
