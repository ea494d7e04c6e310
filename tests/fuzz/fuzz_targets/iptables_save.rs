//! `iptables-save`, `ip6tables-save`: any text.
#![no_main]

use ctwatch::source::iptables_save;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = iptables_save::read(text, iptables_save::family_of(text));
});
