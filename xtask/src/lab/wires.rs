//! What comes out of a guest: its kernel log and three ports, each over a socket.

use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Where bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// The kernel's console.
    Kernel,
    /// The script's standard output.
    Out,
    /// The script's standard error.
    Err,
    /// Word from the guest's first process.
    Control,
}

impl Wire {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Kernel, Self::Out, Self::Err, Self::Control];

    /// The name of the port in QEMU and in the guest.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Out => "out",
            Self::Err => "err",
            Self::Control => "control",
        }
    }
}

/// A piece of what a wire carried; empty at its end.
pub(super) type Piece = (Wire, Vec<u8>);

/// Sockets that wait for QEMU.
pub(super) struct Listeners(Vec<(Wire, UnixListener)>);

/// Where the socket of a wire is.
pub(super) fn socket(scratch: &Path, wire: Wire) -> PathBuf {
    scratch.join(wire.name())
}

impl Listeners {
    /// Listens for all wires in the directory `scratch`.
    pub(super) fn bind(scratch: &Path) -> Result<Self> {
        let mut listeners = Vec::new();
        for wire in Wire::ALL {
            let path = socket(scratch, wire);
            let listener = UnixListener::bind(&path)
                .with_context(|| format!("cannot listen on {}", path.display()))?;
            listener.set_nonblocking(true)?;
            listeners.push((wire, listener));
        }
        Ok(Self(listeners))
    }

    /// Waits until QEMU has connected every wire, then reads them all.
    pub(super) fn connect(self, qemu: &mut Child) -> Result<Receiver<Piece>> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let (sender, receiver) = sync_channel(256);
        for (wire, listener) in self.0 {
            let stream = loop {
                if let Ok((stream, _)) = listener.accept() {
                    break stream;
                }
                if qemu.try_wait()?.is_some() || Instant::now() > deadline {
                    bail!("qemu-system-x86_64 did not start");
                }
                thread::sleep(Duration::from_millis(5));
            };
            stream.set_nonblocking(false)?;
            let sender = sender.clone();
            thread::spawn(move || forward(wire, stream, &sender));
        }
        Ok(receiver)
    }
}

fn forward(wire: Wire, mut stream: UnixStream, sender: &SyncSender<Piece>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // An error is an end: QEMU is gone.
        let length = stream.read(&mut buffer).unwrap_or(0);
        if sender.send((wire, buffer[..length].to_vec())).is_err() || length == 0 {
            return;
        }
    }
}
