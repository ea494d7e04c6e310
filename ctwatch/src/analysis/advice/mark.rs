//! A packet's mark, as far as it is known.

use super::packet::Answer;
use crate::model::ruleset::Effect;

/// Bits that are known, and bits that are as the packet came, whatever that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    value: u32,
    known: u32,
    /// Bits of which nothing is known, not even that they are as they came.
    lost: u32,
}

impl Mark {
    /// As a socket, tc or XDP may have set it: any.
    pub(super) const OPEN: Self = Self {
        value: 0,
        known: 0,
        lost: 0,
    };

    /// Zero but for these bits, which are open.
    pub(super) fn zero_but(open: u32) -> Self {
        Self {
            known: !open,
            ..Self::OPEN
        }
    }

    /// Any, but not as it came in these bits.
    pub(super) fn without(lost: u32) -> Self {
        Self { lost, ..Self::OPEN }
    }

    /// Bits that some rule had to do with, if it was [`OPEN`](Self::OPEN) at first.
    pub(super) fn touched(self) -> u32 {
        self.known | self.lost
    }

    /// After a rule.
    pub(super) fn after(self, effect: Effect) -> Self {
        match effect {
            Effect::Mark { clear, flip } => {
                let known = self.known | clear;
                Self {
                    value: (self.value & !clear) ^ (flip & known),
                    known,
                    lost: (self.lost | flip) & !known,
                }
            }
            Effect::AnyMark => Self {
                value: 0,
                known: 0,
                lost: u32::MAX,
            },
            Effect::Notrack | Effect::Needs(_) => self,
        }
    }

    /// Whether the bits of a mask are `value`.
    pub(super) fn answer(self, value: u32, mask: u32) -> Answer {
        if value & !mask != 0 || (self.value ^ value) & mask & self.known != 0 {
            Answer::No
        } else if mask & !self.known == 0 {
            Answer::Yes
        } else if mask & self.lost != 0 {
            Answer::Unknown
        } else {
            Answer::Maybe
        }
    }
}

/// Bits that a rule may set.
pub(super) fn touched(effect: Effect) -> u32 {
    match effect {
        Effect::Mark { clear, flip } => clear & flip | flip,
        Effect::AnyMark => u32::MAX,
        Effect::Notrack | Effect::Needs(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_known_once_it_was_set() {
        let set = Effect::Mark {
            clear: 0x4000,
            flip: 0x4000,
        };
        let mark = Mark::OPEN.after(set);
        assert_eq!(Mark::OPEN.answer(0x4000, 0x4000), Answer::Maybe);
        assert_eq!(mark.answer(0x4000, 0x4000), Answer::Yes);
        assert_eq!(mark.answer(0, 0x4000), Answer::No);
        assert_eq!(mark.answer(0xc000, 0xc000), Answer::Maybe);
    }

    #[test]
    fn a_bit_turned_over_is_known_only_if_it_was() {
        let flip = Effect::Mark {
            clear: 0,
            flip: 0x4000,
        };
        assert_eq!(
            Mark::OPEN.after(flip).answer(0x4000, 0x4000),
            Answer::Unknown
        );
        assert_eq!(
            Mark::zero_but(0).after(flip).answer(0x4000, 0x4000),
            Answer::Yes
        );
    }
}
