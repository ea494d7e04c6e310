//! How many events a recording keeps.

use crate::model::{event::Event, sample::Losses};

/// Rows of `event` in a recording: some two megabytes, and more examples than anybody reads. Whoever wants all of them
/// streams them; the counters have the totals.
const MOST: usize = 10_000;

/// Events kept so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept(usize);

impl Kept {
    /// Of these, as many as there is room for; the others are counted as suppressed.
    pub(super) fn admit(&mut self, mut events: Vec<Event>, losses: &mut Losses) -> Vec<Event> {
        let room = MOST.saturating_sub(self.0);
        losses.events_suppressed += events.len().saturating_sub(room) as u64;
        events.truncate(room);
        self.0 += events.len();
        events
    }

    /// How many that are.
    pub(super) fn count(self) -> u64 {
        self.0 as u64
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::model::{
        endpoint::{Endpoint, Family, Netns, Protocol},
        entry::Tuple,
        event::Reason,
    };

    fn events(count: usize) -> Vec<Event> {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let event = Event {
            at_ns: 0,
            reason: Reason::TableFull,
            cpu: 0,
            endpoint: Endpoint {
                netns: Netns {
                    cookie: 1,
                    inode: 1,
                },
                family: Family::Ipv4,
                protocol: Protocol::UDP,
                role: None,
                port: 53,
                address: None,
            },
            zone: None,
            original: Tuple {
                source: nowhere,
                destination: nowhere,
                source_port: 1,
                destination_port: 53,
            },
            evicted: None,
            other: None,
            packet: None,
        };
        vec![event; count]
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_as_suppressed() {
        let (mut kept, mut losses) = (Kept::default(), Losses::default());
        assert_eq!(kept.admit(events(MOST - 2), &mut losses).len(), MOST - 2);
        assert_eq!(losses.events_suppressed, 0);
        assert_eq!(kept.admit(events(5), &mut losses).len(), 2);
        assert_eq!((losses.events_suppressed, kept.count()), (3, MOST as u64));
        assert!(kept.admit(events(7), &mut losses).is_empty());
        assert_eq!((losses.events_suppressed, kept.count()), (10, MOST as u64));
    }
}
