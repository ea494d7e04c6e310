//! Events shown beside events counted, by reason.

use super::{Explained, Packets, Summary, Watched};
use crate::model::{counters::Counters, event::Reason};

/// What was shown, counted while it is shown.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    shown: [u64; Reason::ALL.len()],
    packets: u64,
    left_out: u64,
}

/// One reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub reason: Reason,
    /// Lines.
    pub shown: u64,
    /// Counted on all ports of all namespaces, which no limit of events touches; `None` for what is not counted.
    pub counted: Option<u64>,
}

impl Tally {
    /// One more line.
    pub fn show(&mut self, explained: &Explained) {
        let event = &explained.event;
        if let Some(place) = Reason::ALL.iter().position(|each| *each == event.reason) {
            self.shown[place] += 1;
        }
        self.packets += u64::from(event.packet.is_some());
    }

    /// One that came after the last line.
    pub fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Lines so far.
    #[must_use]
    pub fn shown(&self) -> u64 {
        self.shown.iter().sum()
    }

    /// What is said at the end; `file` is where packets went.
    #[must_use]
    pub fn summary(&self, watched: Watched, file: Option<String>) -> Summary {
        let row = |(reason, shown)| Row {
            reason,
            shown,
            counted: counted(&watched.counted, reason),
        };
        let rows = Reason::ALL.into_iter().zip(self.shown).map(row);
        Summary {
            rows: rows.filter(Row::occurred).collect(),
            shown: self.shown(),
            left_out: self.left_out,
            suppressed: watched.ledger.losses.events_suppressed,
            lost: watched.ledger.losses.ring_lost,
            packets: file.map(|file| Packets {
                file,
                written: self.packets,
                without: self.shown() - self.packets,
            }),
            watched,
        }
    }
}

impl Row {
    fn occurred(&self) -> bool {
        self.shown > 0 || self.counted.is_some_and(|counted| counted > 0)
    }
}

/// How often it happened; packets that are invalid are counted by nobody.
fn counted(counters: &Counters, reason: Reason) -> Option<u64> {
    Some(match reason {
        Reason::TableFull => counters.refused,
        Reason::EarlyDrop => counters.ended.evicted,
        Reason::GcEviction => counters.ended.evicted_background,
        Reason::Clash => counters
            .clash_dropped
            .saturating_sub(counters.nat_exhausted),
        Reason::ChainTooLong => counters.chain_too_long,
        Reason::NatExhausted => counters.nat_exhausted,
        Reason::Dying => counters.dying,
        Reason::Invalid => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;
    use crate::model::{
        counters::Ended,
        endpoint::{Endpoint, Family, Netns, Protocol},
        entry::Tuple,
        event::{Event, Packet},
        ledger::Ledger,
        recording::Backend,
        sample::Losses,
    };

    fn event(reason: Reason, with_packet: bool) -> Explained {
        let address = Ipv4Addr::new(192, 0, 2, 1).into();
        let netns = Netns {
            cookie: 1,
            inode: 1,
        };
        let event = Event {
            at_ns: 0,
            reason,
            cpu: 0,
            endpoint: Endpoint {
                netns,
                family: Family::Ipv4,
                protocol: Protocol::UDP,
                role: None,
                port: 53,
                address: None,
            },
            zone: None,
            original: Tuple {
                source: address,
                destination: address,
                source_port: 1,
                destination_port: 53,
            },
            evicted: None,
            other: None,
            packet: with_packet.then(|| Packet {
                bytes: Vec::new(),
                whole_length: 0,
            }),
        };
        Explained::new(event, None, None)
    }

    #[test]
    fn what_was_shown_stands_beside_what_was_counted() {
        let mut tally = Tally::default();
        for (reason, with_packet) in [
            (Reason::EarlyDrop, false),
            (Reason::Clash, true),
            (Reason::Clash, true),
            (Reason::Invalid, true),
        ] {
            tally.show(&event(reason, with_packet));
        }
        tally.leave_out();
        let watched = Watched {
            backend: Backend::Kprobe,
            elapsed: Duration::from_secs(1),
            counted: Counters {
                refused: 7,
                ended: Ended {
                    evicted: 1,
                    ..Ended::default()
                },
                clash_dropped: 5,
                nat_exhausted: 3,
                ..Counters::default()
            },
            ledger: Ledger {
                losses: Losses {
                    events_suppressed: 9,
                    ring_lost: 1,
                    ..Losses::default()
                },
                ..Ledger::default()
            },
            degraded: Vec::new(),
        };
        let summary = tally.summary(watched, Some("out.pcapng".to_owned()));
        let rows: Vec<_> = summary
            .rows
            .iter()
            .map(|row| (row.reason, row.shown, row.counted))
            .collect();
        assert_eq!(
            rows,
            [
                (Reason::TableFull, 0, Some(7)),
                (Reason::EarlyDrop, 1, Some(1)),
                (Reason::Clash, 2, Some(2)),
                (Reason::NatExhausted, 0, Some(3)),
                (Reason::Invalid, 1, None),
            ]
        );
        assert_eq!((summary.shown, summary.left_out), (4, 1));
        assert_eq!((summary.suppressed, summary.lost), (9, 1));
        let packets = summary.packets.map(|it| (it.written, it.without));
        assert_eq!(packets, Some((3, 1)));
    }
}
