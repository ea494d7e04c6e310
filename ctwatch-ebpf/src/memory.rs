//! Reading kernel memory and probe registers.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{
    bindings::pt_regs,
    helpers::generated::bpf_probe_read_kernel,
    programs::{ProbeContext, RetProbeContext},
};

/// Reads a plain value at a kernel address; `None` when the kernel refuses the address.
#[inline(always)]
pub(crate) fn read<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes exactly `size_of::<T>()` bytes, zeros when it fails.
    let failed = unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        )
    };
    // SAFETY: the helper has written the whole value; every `T` read here is plain integers.
    (failed == 0).then(|| unsafe { value.assume_init() })
}

/// A pointer as a number. The verifier lets nobody calculate with the pointer to a context itself.
#[inline(always)]
pub(crate) fn number_of(pointer: *mut c_void) -> u64 {
    read(&raw const pointer as u64).unwrap_or(0)
}

/// The `n`th argument of the probed function.
#[inline(always)]
pub(crate) fn argument(ctx: &ProbeContext, n: usize) -> u64 {
    ctx.arg::<u64>(n).unwrap_or(0)
}

/// What the probed function returned.
#[inline(always)]
pub(crate) fn returned(ctx: &RetProbeContext) -> u64 {
    ctx.ret::<u64>()
}

/// The stack pointer: at a function's entry it points at the return address, at its return it is eight bytes
/// higher than it was at entry.
#[inline(always)]
pub(crate) fn stack_pointer(regs: *const pt_regs) -> u64 {
    // SAFETY: the context of a kprobe or kretprobe is a `struct pt_regs`.
    unsafe { (*regs).rsp }
}

/// The registers that a called function must give back as they were: what its caller still needs is in them, or on the
/// stack.
#[inline(always)]
pub(crate) fn callee_saved(regs: *const pt_regs) -> [u64; 6] {
    // SAFETY: as above.
    unsafe {
        [
            (*regs).rbx,
            (*regs).rbp,
            (*regs).r12,
            (*regs).r13,
            (*regs).r14,
            (*regs).r15,
        ]
    }
}
