//! Who called `nf_ct_delete`: address ranges of kernel functions, from kallsyms.

use bytemuck::{Pod, Zeroable};

/// A function's text, `start..end`, and the cause that a call from it stands for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct CallerRange {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
    /// One of [`crate::cause`].
    pub cause: u32,
    /// Zero.
    pub pad: u32,
}

/// Ranges the kernel side compares a return address with; unused ones are zero.
pub const MAX_RANGES: usize = 16;

/// The ranges, as one value that the loader writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Callers {
    /// Ranges in no particular order.
    pub ranges: [CallerRange; MAX_RANGES],
}
