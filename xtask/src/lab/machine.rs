//! One run: a guest is put together, watched, and taken apart.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::accel;
use super::cache::Cache;
use super::disks;
use super::emulator::{self, Emulator};
use super::host;
use super::image;
use super::initramfs;
use super::kernel::{self, Kernel, Stock};
use super::outcome::{Line, Outcome, Stop, Stopped, Stream};
use super::qemu::{self, Boot, Cpus, Disk, Keep};
use super::scratch;
use super::watch::{self, Ending, Heard};
use super::wires::{self, Listeners, Piece, Wire};

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
        let scratch = scratch::directory()?;
        let bring = disks::bring(scratch.path(), script, arguments, &self.payload)?;
        let leave = disks::leave(scratch.path())?;
        let cache = Cache::open()?;
        let stock = kernel::obtain(&cache, self.kernel)?;
        let emulator = emulator::obtain(&cache)?;
        let boot = self.assemble(&cache, &emulator, &stock, scratch.path())?;
        let mut machine = emulator.command();
        machine.args(boot);
        for (image, keep) in [(bring, Keep::ReadOnly), (leave.clone(), Keep::All)] {
            machine.args(qemu::disk(&Disk { image, keep }));
        }
        let mut guest = Guest::start(scratch.path(), machine, stock.release())?;
        let outcome = guest.watch(self.timeout, |wire, bytes| {
            let stream = if wire == Wire::Err {
                Stream::Err
            } else {
                Stream::Out
            };
            on_line(Line { stream, bytes });
        })?;
        drop(guest);
        disks::collect(&leave, &self.out)?;
        Ok(outcome)
    }

    /// QEMU's arguments, but for the disks of this run alone and its wires.
    fn assemble(
        &self,
        cache: &Cache,
        emulator: &Emulator,
        stock: &Stock,
        scratch: &Path,
    ) -> Result<Vec<OsString>> {
        let image = image::obtain(cache)?;
        let initramfs = scratch.join("initramfs");
        initramfs::write(&image.busybox(), &stock.boot_modules()?, &initramfs)?;
        let vmlinuz = stock.vmlinuz();
        let accel = accel::choose(cache, emulator, &vmlinuz, &initramfs, scratch)?;
        let boot = Boot {
            vmlinuz: &vmlinuz,
            initramfs: &initramfs,
            append: "",
        };
        let mut arguments = qemu::machine(accel, self.cpus, self.memory_mib, &boot);
        for (image, keep) in [
            (image.disk(), Keep::Nothing),
            (stock.modules_image(), Keep::ReadOnly),
        ] {
            arguments.extend(qemu::disk(&Disk { image, keep }));
        }
        Ok(arguments)
    }
}

/// A running QEMU; dropped, it is ended.
struct Guest {
    qemu: Child,
    started: Instant,
    pieces: Receiver<Piece>,
    complaints: PathBuf,
    release: String,
}

impl Drop for Guest {
    fn drop(&mut self) {
        end(&mut self.qemu);
    }
}

/// It may be gone already; either way there is nothing more to do about it.
fn end(qemu: &mut Child) {
    let _ = qemu.kill();
    let _ = qemu.wait();
}

impl Guest {
    fn start(scratch: &Path, mut command: Command, release: String) -> Result<Self> {
        let listeners = Listeners::bind(scratch)?;
        let complaints = scratch.join("qemu.log");
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
            .stderr(File::create(&complaints)?);
        let started = Instant::now();
        let mut qemu = command
            .spawn()
            .context("cannot run setpriv, which starts QEMU")?;
        match listeners.connect(&mut qemu) {
            Ok(pieces) => Ok(Self {
                qemu,
                started,
                pieces,
                complaints,
                release,
            }),
            Err(error) => {
                end(&mut qemu);
                let said = fs::read_to_string(&complaints).unwrap_or_default();
                Err(error.context(
                    host::complaint(&said)
                        .unwrap_or("QEMU is silent")
                        .to_owned(),
                ))
            }
        }
    }

    fn watch(&mut self, silence: Duration, each: impl FnMut(Wire, &[u8])) -> Result<Outcome> {
        let Heard {
            ending,
            kernel_log,
            at,
        } = watch::listen(&self.pieces, silence, each);
        let release = self.release.clone();
        let seconds = (at - self.started).as_secs_f64();
        let stop = match ending {
            Ending::Exit(status) => {
                return Ok(Outcome {
                    status,
                    seconds,
                    kernel_log,
                    release,
                });
            }
            Ending::Fatal(message) => Stop::Kernel(message),
            Ending::Silence => Stop::Silence(silence),
            Ending::Closed => {
                let said = fs::read_to_string(&self.complaints).unwrap_or_default();
                Stop::Gone(
                    host::complaint(&said)
                        .unwrap_or("powered off or restarted")
                        .to_owned(),
                )
            }
        };
        Err(Stopped {
            release,
            stop,
            kernel_log,
        }
        .into())
    }
}
