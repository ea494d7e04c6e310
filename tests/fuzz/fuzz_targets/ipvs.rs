//! `ipvsadm -Sn`, /proc/net/ip_vs: any text.
#![no_main]

use ctwatch::source::ipvs;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = ipvs::read(text);
});
