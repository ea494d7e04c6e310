//! `conntrack -L` in all its forms, /proc/net/nf_conntrack, plain and packed: any bytes.
#![no_main]

use std::ops::ControlFlow;

use ctwatch::{
    model::listed::Listed,
    source::{
        conntrack_text::{Sink, scan},
        packed,
    },
};
use libfuzzer_sys::fuzz_target;

/// Counts entries.
struct Count(u64);

impl Sink for Count {
    fn take(&mut self, _entry: &Listed) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(stream) = packed::unpacked(Box::new(std::io::Cursor::new(bytes.to_vec()))) else {
        return;
    };
    if let Ok((sinks, listing)) = scan(stream, vec![Count(0)]) {
        let counted: u64 = sinks.iter().map(|Count(entries)| entries).sum();
        assert_eq!(counted, listing.entries);
    }
});
