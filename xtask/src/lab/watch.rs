//! Listening to a guest until it is done, dead or silent.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::lines::Lines;
use super::verdict;
use super::wires::{Piece, Wire};

/// How long the wires stay open after the guest said it was done, or its kernel that it was dead.
const GRACE: Duration = Duration::from_secs(5);

/// Why listening ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The script ended with this status.
    Exit(u8),
    /// The kernel said so.
    Fatal(String),
    /// Nothing came for the time allowed.
    Silence,
    /// All wires closed before any word of an end.
    Closed,
}

/// What was heard.
pub(super) struct Heard {
    pub(super) ending: Ending,
    pub(super) kernel_log: String,
    /// When the ending was known.
    pub(super) at: Instant,
}

/// Listens to the end. `each` gets the lines of the script's standard output and standard error.
pub(super) fn listen(
    pieces: &Receiver<Piece>,
    silence: Duration,
    mut each: impl FnMut(Wire, &[u8]),
) -> Heard {
    let mut ear = Ear::default();
    while ear.open() {
        let patience = ear
            .ending
            .as_ref()
            .map_or(silence, |(_, at)| GRACE.saturating_sub(at.elapsed()));
        match pieces.recv_timeout(patience) {
            Ok((wire, piece)) => ear.take(wire, &piece, &mut each),
            Err(RecvTimeoutError::Timeout) => {
                ear.end(Ending::Silence);
                break;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    ear.end(Ending::Closed);
    for wire in Wire::ALL {
        ear.finish(wire, &mut each);
    }
    let kernel_log = String::from_utf8_lossy(&ear.kernel_log).into_owned();
    let (ending, at) = ear.ending.unwrap_or((Ending::Closed, Instant::now()));
    Heard {
        ending,
        kernel_log,
        at,
    }
}

#[derive(Default)]
struct Ear {
    lines: [Lines; Wire::ALL.len()],
    closed: usize,
    kernel_log: Vec<u8>,
    ending: Option<(Ending, Instant)>,
}

impl Ear {
    fn open(&self) -> bool {
        self.closed < Wire::ALL.len()
    }

    /// The first ending counts: what follows is only its consequence.
    fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert_with(|| (ending, Instant::now()));
    }

    fn take(&mut self, wire: Wire, piece: &[u8], each: &mut impl FnMut(Wire, &[u8])) {
        if piece.is_empty() {
            self.closed += 1;
        }
        let mut whole: Vec<Vec<u8>> = Vec::new();
        self.lines[wire as usize].push(piece, |line| whole.push(line.to_vec()));
        for line in whole {
            self.hear(wire, &line, each);
        }
    }

    /// A last line that no newline ended.
    fn finish(&mut self, wire: Wire, each: &mut impl FnMut(Wire, &[u8])) {
        let rest = self.lines[wire as usize].take_rest();
        if !rest.is_empty() {
            self.hear(wire, &rest, each);
        }
    }

    fn hear(&mut self, wire: Wire, line: &[u8], each: &mut impl FnMut(Wire, &[u8])) {
        match wire {
            Wire::Out | Wire::Err => each(wire, line),
            Wire::Kernel => self.kernel(line),
            Wire::Control => {
                if let Some(status) = verdict::exit_status(&String::from_utf8_lossy(line)) {
                    self.end(Ending::Exit(status));
                }
            }
        }
    }

    fn kernel(&mut self, line: &[u8]) {
        self.kernel_log.extend_from_slice(line);
        let text = String::from_utf8_lossy(line);
        if verdict::is_fatal(&text) {
            self.end(Ending::Fatal(verdict::message(&text).to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use std::sync::mpsc::channel;

    use super::*;

    fn hear(pieces: &[(Wire, &str)], keep_open: bool) -> (Ending, Vec<String>) {
        let (sender, receiver) = channel();
        for (wire, text) in pieces {
            sender.send((*wire, text.as_bytes().to_vec())).unwrap();
        }
        let open = keep_open.then_some(sender);
        let mut lines = Vec::new();
        let heard = listen(&receiver, Duration::from_millis(20), |_, line| {
            lines.push(String::from_utf8_lossy(line).into_owned());
        });
        drop(open);
        (heard.ending, lines)
    }

    #[test]
    fn output_that_arrives_after_the_exit_status_is_not_lost() {
        let (ending, lines) = hear(
            &[
                (Wire::Control, "exit 3\n"),
                (Wire::Out, "la"),
                (Wire::Out, "st"),
                (Wire::Out, ""),
            ],
            false,
        );
        assert_eq!(ending, Ending::Exit(3));
        assert_eq!(lines, ["last"]);
    }

    #[test]
    fn silence_ends_a_run_that_did_not_end_itself() {
        let (ending, lines) = hear(&[(Wire::Out, "begun")], true);
        assert_eq!(
            (ending, &lines[..]),
            (Ending::Silence, &["begun".to_owned()][..])
        );
    }

    #[test]
    fn a_machine_that_vanishes_is_no_success() {
        assert_eq!(hear(&[(Wire::Out, "begun\n")], false).0, Ending::Closed);
    }

    #[test]
    fn a_panic_counts_though_the_machine_ends_afterwards() {
        let panic = "[    2.0] Kernel panic - not syncing: Fatal exception\r\n";
        let (ending, _) = hear(&[(Wire::Kernel, panic), (Wire::Control, "exit 0\n")], false);
        assert_eq!(
            ending,
            Ending::Fatal("Kernel panic - not syncing: Fatal exception".into())
        );
    }
}
