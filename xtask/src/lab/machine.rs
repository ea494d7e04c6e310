//! One run: a guest is put together, watched, and taken apart.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::accel;
use super::cache::Cache;
use super::disks;
use super::host;
use super::image;
use super::initramfs;
use super::kernel::{self, Kernel};
use super::qemu::{self, Boot, Cpus, Disk, Keep};
use super::watch::{self, Ending, Heard};
use super::wires::{self, Listeners, Wire};

/// A guest to be.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Kernel series.
    pub(crate) kernel: Kernel,
    /// Processors.
    pub(crate) cpus: Cpus,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// The longest silence, on all of standard output, standard error and the kernel log.
    pub(crate) timeout: Duration,
    /// Files and directories to bring: path here, absolute path in the guest.
    pub(crate) payload: Vec<(PathBuf, PathBuf)>,
    /// Directory that receives what the script leaves in /out; made if missing, never emptied.
    pub(crate) out: PathBuf,
}

/// Where the script wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line of the script's output, as it comes.
pub(crate) struct Line<'a> {
    /// Which of the two streams.
    pub(crate) stream: Stream,
    /// The line, with its newline unless the output ended without one.
    pub(crate) bytes: &'a [u8],
}

impl Line<'_> {
    /// The line as text, without its newline.
    #[allow(dead_code, reason = "for the tasks that read what a script says")]
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.strip_suffix(b"\n").unwrap_or(self.bytes))
    }
}

/// A run that came to its end.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The script's exit status; 128 + N if signal N ended it.
    pub(crate) status: u8,
    /// Wall time from the start of QEMU to the end of the script, boot included.
    pub(crate) seconds: f64,
    /// All the kernel said on its console.
    pub(crate) kernel_log: String,
    /// The kernel's full version.
    pub(crate) release: String,
}

/// A run that did not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The kernel panicked, hit a BUG or locked up.
    #[error("kernel {release}: {message}")]
    Kernel {
        release: String,
        message: String,
        kernel_log: String,
    },
    /// Nothing was heard for too long.
    #[error(
        "kernel {release}: no output for {seconds} s, so the run was ended (a longer --timeout, or output now and then, lets it go on)"
    )]
    Stalled {
        release: String,
        seconds: f64,
        kernel_log: String,
    },
    /// QEMU ended before the script did.
    #[error("kernel {release}: the machine ended before the script did: {reason}")]
    Ended {
        release: String,
        reason: String,
        kernel_log: String,
    },
}

impl Stopped {
    /// What the kernel said until then.
    pub(crate) fn kernel_log(&self) -> &str {
        let (Self::Kernel { kernel_log, .. }
        | Self::Stalled { kernel_log, .. }
        | Self::Ended { kernel_log, .. }) = self;
        kernel_log
    }
}

impl Machine {
    /// Two processors, 1 GiB, three minutes of silence at most, nothing but the script brought along.
    pub(crate) fn new(kernel: Kernel, out: PathBuf) -> Self {
        let timeout = Duration::from_secs(180);
        Self {
            kernel,
            cpus: Cpus::Smp(2),
            memory_mib: 1024,
            timeout,
            payload: Vec::new(),
            out,
        }
    }

    /// Boots, runs `script` (a path here) with `arguments` as root, and hands over each line as it comes.
    ///
    /// Errors: [`Stopped`] when the guest did not get to the script's end; any other when it did not start.
    pub(crate) fn run(
        &self,
        script: &Path,
        arguments: &[String],
        mut on_line: impl FnMut(Line),
    ) -> Result<Outcome> {
        host::provide()?;
        let scratch = tempfile::Builder::new()
            .prefix("ctwatch-lab-")
            .tempdir()
            .context("no scratch directory")?;
        let bring = disks::bring(scratch.path(), script, arguments, &self.payload)?;
        let leave = disks::leave(scratch.path())?;
        let cache = Cache::open()?;
        let stock = kernel::obtain(&cache, self.kernel)?;
        let image = image::obtain(&cache)?;
        let initrd = scratch.path().join("initramfs");
        initramfs::write(&image.busybox(), &stock.boot_modules()?, &initrd)?;
        let accel = accel::choose(&cache, &stock.vmlinuz(), &initrd, scratch.path())?;
        let boot = Boot {
            vmlinuz: &stock.vmlinuz(),
            initramfs: &initrd,
            append: "",
        };
        let mut arguments = qemu::machine(accel, self.cpus, self.memory_mib, &boot);
        for (image, keep) in [
            (image.disk(), Keep::Nothing),
            (stock.modules_image(), Keep::ReadOnly),
            (bring, Keep::ReadOnly),
            (leave.clone(), Keep::All),
        ] {
            arguments.extend(qemu::disk(&Disk { image, keep }));
        }
        let complaints = scratch.path().join("qemu.log");
        let listeners = Listeners::bind(scratch.path())?;
        let mut guest = Guest::start(scratch.path(), arguments, &complaints)?;
        let pieces = listeners.connect(&mut guest.qemu).with_context(|| {
            host::complaint(&fs::read_to_string(&complaints).unwrap_or_default()).to_owned()
        })?;
        let heard = watch::listen(&pieces, self.timeout, |wire, bytes| {
            let stream = if wire == Wire::Err {
                Stream::Err
            } else {
                Stream::Out
            };
            on_line(Line { stream, bytes });
        });
        let outcome = conclude(
            heard,
            guest.started,
            self.timeout,
            &complaints,
            stock.release(),
        )?;
        drop(guest);
        disks::collect(&leave, &self.out)?;
        Ok(outcome)
    }
}

/// A running QEMU; dropped, it is ended.
struct Guest {
    qemu: Child,
    started: Instant,
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may be gone already; either way there is nothing more to do about it.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Guest {
    fn start(scratch: &Path, machine: Vec<OsString>, complaints: &Path) -> Result<Self> {
        // setpriv: should this process be killed, QEMU goes with it.
        let mut command = host::command("setpriv");
        command
            .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
            .args(machine);
        command
            .args(qemu::console(&wires::socket(scratch, Wire::Kernel)))
            .args(qemu::port_bus());
        for wire in [Wire::Out, Wire::Err, Wire::Control] {
            command.args(qemu::port(wire.name(), &wires::socket(scratch, wire)));
        }
        // Overlays of disks whose writes are thrown away go where TMPDIR says.
        command
            .env("TMPDIR", scratch)
            .stdout(Stdio::null())
            .stderr(File::create(complaints)?);
        let started = Instant::now();
        let qemu = command
            .spawn()
            .context("cannot run setpriv qemu-system-x86_64")?;
        Ok(Self { qemu, started })
    }
}

fn conclude(
    heard: Heard,
    started: Instant,
    timeout: Duration,
    complaints: &Path,
    release: String,
) -> Result<Outcome> {
    let Heard {
        ending,
        kernel_log,
        at,
    } = heard;
    Err(match ending {
        Ending::Exit(status) => {
            let seconds = (at - started).as_secs_f64();
            return Ok(Outcome {
                status,
                seconds,
                kernel_log,
                release,
            });
        }
        Ending::Fatal(message) => Stopped::Kernel {
            release,
            message,
            kernel_log,
        },
        Ending::Silence => Stopped::Stalled {
            release,
            seconds: timeout.as_secs_f64(),
            kernel_log,
        },
        Ending::Closed => {
            let said = fs::read_to_string(complaints).unwrap_or_default();
            Stopped::Ended {
                release,
                reason: host::complaint(&said).to_owned(),
                kernel_log,
            }
        }
    }
    .into())
}
