//! The `bpf()` calls that aya has not: programs for functions of modules (include/uapi/linux/bpf.h).
#![allow(unsafe_code, reason = "system calls with addresses in them")]

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
};

use aya_obj::generated::{bpf_attach_type, bpf_cmd, bpf_insn, bpf_prog_type};
use bytemuck::{Pod, Zeroable};

/// Members of `union bpf_attr` up to the last that Linux 5.11 brought, for `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; NAME],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
    attach_btf_obj_fd: u32,
    pad: u32,
}

/// For `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Info {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// `struct bpf_btf_info`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct BtfInfo {
    btf: u64,
    btf_size: u32,
    id: u32,
    name: u64,
    name_len: u32,
    kernel_btf: u32,
}

/// For `BPF_RAW_TRACEPOINT_OPEN`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Open {
    name: u64,
    prog_fd: u32,
    pad: u32,
}

/// For `BPF_BTF_GET_NEXT_ID` and `BPF_BTF_GET_FD_BY_ID`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Id {
    id: u32,
    next_id: u32,
    open_flags: u32,
    pad: u32,
}

/// `BPF_OBJ_NAME_LEN`, the end included.
const NAME: usize = 16;
/// Room for what the verifier says of a program that it refuses.
const LOG: usize = 4 << 20;
/// A load that a signal interrupts says `EAGAIN`.
const TRIES: usize = 5;

/// When a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At the function's entry.
    Fentry,
    /// At its return.
    Fexit,
}

/// A program for one function.
pub(super) struct Program<'a> {
    pub(super) name: &'a str,
    pub(super) instructions: &'a [bpf_insn],
    pub(super) license: &'a CStr,
    pub(super) way: Way,
    /// The function's id in the BTF of its module, or of the kernel itself.
    pub(super) function: u32,
    pub(super) module: Option<BorrowedFd<'a>>,
}

/// Why the kernel refuses a program, and what its verifier says.
pub(super) struct Refused {
    pub(super) reason: io::Error,
    pub(super) log: String,
}

/// Has the kernel verify a program.
pub(super) fn load(program: &Program<'_>) -> Result<OwnedFd, Refused> {
    let reason = match load_once(program, None) {
        Ok(fd) => return Ok(fd),
        Err(reason) => reason,
    };
    let mut log = vec![0; LOG];
    // Once more, to be told why.
    match load_once(program, Some(&mut log)) {
        Ok(fd) => Ok(fd),
        Err(_) => Err(Refused {
            reason,
            log: CStr::from_bytes_until_nul(&log)
                .map(|log| log.to_string_lossy().into_owned())
                .unwrap_or_default(),
        }),
    }
}

fn load_once(program: &Program<'_>, log: Option<&mut [u8]>) -> io::Result<OwnedFd> {
    let mut prog_name = [0; NAME];
    let name = program.name.bytes().take(NAME - 1);
    prog_name
        .iter_mut()
        .zip(name)
        .for_each(|(to, from)| *to = from);
    let mut attributes = Load {
        prog_type: bpf_prog_type::BPF_PROG_TYPE_TRACING as u32,
        insn_cnt: u32::try_from(program.instructions.len()).map_err(io::Error::other)?,
        insns: program.instructions.as_ptr() as u64,
        license: program.license.as_ptr() as u64,
        prog_name,
        expected_attach_type: match program.way {
            Way::Fentry => bpf_attach_type::BPF_TRACE_FENTRY as u32,
            Way::Fexit => bpf_attach_type::BPF_TRACE_FEXIT as u32,
        },
        attach_btf_id: program.function,
        attach_btf_obj_fd: program.module.map_or(0, number),
        ..Load::default()
    };
    if let Some(log) = log {
        attributes.log_level = 1;
        attributes.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
        attributes.log_buf = log.as_mut_ptr() as u64;
    }
    let mut tries = 0;
    loop {
        tries += 1;
        // SAFETY: instructions, licence and log outlive the call; the kernel writes to the log alone, within its size.
        match unsafe { call(bpf_cmd::BPF_PROG_LOAD, &mut attributes) } {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries < TRIES => {}
            loaded => return loaded.map(owned),
        }
    }
}

/// Lets a program run from now on, until what is returned is dropped.
pub(super) fn attach(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attributes = Open {
        prog_fd: number(program),
        ..Open::default()
    };
    // SAFETY: no addresses.
    unsafe { call(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &mut attributes) }.map(owned)
}

/// A module's type information as an object of the kernel; `None` where it has none. Needs `CAP_SYS_ADMIN`.
pub(super) fn module_btf(module: &str) -> io::Result<Option<OwnedFd>> {
    let mut id = 0;
    while let Some(next) = next_btf(id)? {
        id = next;
        let Some(btf) = open_btf(id)? else { continue };
        if is_named(&btf, module)? {
            return Ok(Some(btf));
        }
    }
    Ok(None)
}

fn next_btf(after: u32) -> io::Result<Option<u32>> {
    let mut attributes = Id {
        id: after,
        ..Id::default()
    };
    // SAFETY: no addresses.
    match unsafe { call(bpf_cmd::BPF_BTF_GET_NEXT_ID, &mut attributes) } {
        Ok(_) => Ok(Some(attributes.next_id)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None` where it has gone since its id was told.
fn open_btf(id: u32) -> io::Result<Option<OwnedFd>> {
    let mut attributes = Id {
        id,
        ..Id::default()
    };
    // SAFETY: no addresses.
    match unsafe { call(bpf_cmd::BPF_BTF_GET_FD_BY_ID, &mut attributes) } {
        Ok(fd) => Ok(Some(owned(fd))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_named(btf: &OwnedFd, name: &str) -> io::Result<bool> {
    // `MODULE_NAME_LEN`
    let mut room = [0_u8; 64];
    let mut info = BtfInfo {
        name: room.as_mut_ptr() as u64,
        name_len: room.len() as u32,
        ..BtfInfo::default()
    };
    let mut attributes = Info {
        bpf_fd: btf.as_raw_fd().cast_unsigned(),
        info_len: size_of::<BtfInfo>() as u32,
        info: (&raw mut info) as u64,
    };
    // SAFETY: the kernel writes a `bpf_btf_info` of that length, and a name of the length that this gives.
    let told = unsafe { call(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attributes) };
    match told {
        // The name of a type information that is not a module's may be longer.
        Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => return Ok(false),
        told => told?,
    };
    let told = CStr::from_bytes_until_nul(&room).map(CStr::to_bytes);
    Ok(told == Ok(name.as_bytes()))
}

/// # Safety
///
/// Addresses in `attributes` must be such as the command takes, and be valid until it is done.
unsafe fn call<T: Pod>(command: bpf_cmd, attributes: &mut T) -> io::Result<RawFd> {
    // SAFETY: the caller's promise; the kernel reads and writes no more than the size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(result).map_err(io::Error::other)
}

/// A descriptor that the kernel has just made, closed on exec as all of `bpf()`.
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: it is new, and nothing else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}
