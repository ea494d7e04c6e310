//! Maps of the kernel side, mapped into memory.
#![allow(unsafe_code, reason = "memory that the kernel shares with us")]

use std::{io, num::NonZeroUsize, ops::Range, os::fd::AsFd, ptr::NonNull};

use bytemuck::Pod;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// An array map as memory. The kernel side changes it at any time, so every access is volatile and yields a
/// copy.
#[derive(Debug)]
pub(super) struct Mapped<T> {
    start: NonNull<T>,
    count: usize,
    length: NonZeroUsize,
}

// SAFETY: the mapping belongs to this value and may be used from any one thread at a time.
unsafe impl<T: Send> Send for Mapped<T> {}

impl<T: Pod> Mapped<T> {
    /// Whole 64-bit words of a value.
    pub(super) const WORDS: usize = size_of::<T>() / size_of::<u64>();

    /// Maps the first `count` values of an array that was made with `BPF_F_MMAPABLE`.
    ///
    /// # Errors
    ///
    /// The kernel's reason.
    pub(super) fn new(map: impl AsFd, count: usize) -> io::Result<Self> {
        let length = count
            .checked_mul(size_of::<T>())
            .and_then(NonZeroUsize::new)
            .ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address the kernel chooses.
        let start = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                map,
                0,
            )?
        };
        Ok(Self {
            start: start.cast(),
            count,
            length,
        })
    }

    /// A copy of the value at `index`; zeros outside the array.
    pub(super) fn get(&self, index: usize) -> T {
        if index >= self.count {
            return T::zeroed();
        }
        // SAFETY: inside the mapping, aligned to a page's fraction; any bytes are a `T`.
        unsafe { self.start.add(index).read_volatile() }
    }

    /// Adds the `words` of each value from `first` on to a sum, wrapping, each word read once. Values outside the array are
    /// zeros.
    #[inline]
    pub(super) fn add_words(&self, first: usize, words: Range<usize>, sums: &mut [u64]) {
        if words.end * size_of::<u64>() > size_of::<T>() {
            return;
        }
        let count = sums.len().min(self.count.saturating_sub(first));
        for (n, sum) in sums[..count].iter_mut().enumerate() {
            // SAFETY: inside the mapping. It begins at a page and values are whole words, so each word is aligned.
            let start = unsafe { self.start.add(first + n) }.cast::<u64>();
            for word in words.clone() {
                // SAFETY: the value has that word, and any bytes are one.
                *sum = sum.wrapping_add(unsafe { start.add(word).read_volatile() });
            }
        }
    }

    /// Replaces the value at `index`, if the array has it.
    pub(super) fn set(&mut self, index: usize, value: T) {
        if index < self.count {
            // SAFETY: as in `get`.
            unsafe { self.start.add(index).write_volatile(value) }
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.length.get()
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: this value's own mapping, which nothing else refers to.
        let _ = unsafe { munmap(self.start.cast(), self.length.get()) };
    }
}
