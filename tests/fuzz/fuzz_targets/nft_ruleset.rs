//! `nft -j list ruleset`: any text.
#![no_main]

use ctwatch::source::nft_ruleset;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = nft_ruleset::read(text);
    let _ = nft_ruleset::own_table(text);
});
