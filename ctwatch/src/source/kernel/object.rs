//! The kernel object, compiled into the program (`cargo xtask bpf` rebuilds it from ctwatch-ebpf).

/// The object for this architecture.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/bpf/ctwatch.x86_64.bpf.o"
));
