//! Output of a command that goes on while its reader rests: writing never keeps it from watching and from
//! ending, and what waits to be written is bounded by whoever asks before adding more.

use std::{
    io::{self, Stdout},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::write,
};

/// What a pipe that can be written to takes without blocking (`PIPE_BUF`).
const AT_ONCE: usize = 4_096;

/// How long a reader is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// A pipe, file or terminal, by default standard output, and what waits for it.
#[derive(Debug)]
pub(super) struct Out<F = Stdout> {
    to: F,
    waiting: Vec<u8>,
    closed: bool,
}

impl<F: AsFd> Out<F> {
    /// Nothing waits.
    pub(super) fn new(to: F) -> Self {
        Self {
            to,
            waiting: Vec::new(),
            closed: false,
        }
    }

    /// Adds to what waits.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend(bytes);
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether all was written.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes as much as goes at once.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        let mut written = 0;
        while !self.closed && self.is_ready(PollTimeout::ZERO)? && written < self.waiting.len() {
            let rest = &self.waiting[written..];
            match write(&self.to, &rest[..rest.len().min(AT_ONCE)]) {
                Ok(count) => written += count,
                Err(Errno::EPIPE) => self.closed = true,
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        self.waiting.drain(..written);
        if self.closed {
            self.waiting.clear();
        }
        Ok(())
    }

    /// Writes the rest, as long as somebody reads.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let began = Instant::now();
        self.advance()?;
        while !self.is_idle() && began.elapsed() < PATIENCE {
            self.is_ready(PollTimeout::from(100_u8))?;
            self.advance()?;
        }
        Ok(())
    }

    /// Whether it takes more, waited for so long; notices that the other end is closed.
    fn is_ready(&mut self, timeout: PollTimeout) -> io::Result<bool> {
        let mut polled = [PollFd::new(self.to.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let is = |flag| {
            polled[0]
                .revents()
                .is_some_and(|events| events.contains(flag))
        };
        let (closed, ready) = (is(PollFlags::POLLERR), is(PollFlags::POLLOUT));
        self.closed |= closed;
        Ok(ready && !closed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test without a pipe has failed")]

    use std::{
        io::{PipeReader, Read as _, pipe},
        thread,
    };

    use super::*;

    /// More than a pipe holds.
    const MUCH: usize = 1 << 20;

    fn piped() -> (PipeReader, Out<io::PipeWriter>) {
        let (reader, writer) = pipe().unwrap();
        (reader, Out::new(writer))
    }

    fn bytes() -> Vec<u8> {
        (0..MUCH).map(|place| (place % 251) as u8).collect()
    }

    #[test]
    fn a_reader_that_rests_keeps_nobody_waiting_and_misses_nothing() {
        let (mut reader, mut out) = piped();
        out.push(&bytes());
        out.advance().unwrap();
        assert!(!out.is_idle() && !out.is_closed());
        let read = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read
        });
        out.finish().unwrap();
        assert!(out.is_idle());
        drop(out);
        assert!(read.join().unwrap() == bytes());
    }

    #[test]
    fn a_reader_that_is_gone_is_noticed_without_a_write() {
        let (reader, mut out) = piped();
        out.advance().unwrap();
        assert!(!out.is_closed());
        drop(reader);
        out.advance().unwrap();
        assert!(out.is_closed());
        out.push(b"x");
        out.finish().unwrap();
        assert!(out.is_idle());
    }
}
