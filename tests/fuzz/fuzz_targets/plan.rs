//! Plans: any text.
#![no_main]

use ctwatch::source::plan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = plan::read(text);
});
