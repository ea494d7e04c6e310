//! Follows one packet through chains, rule by rule.
//!
//! Where a rule depends on something that is open, the walk stops with a question; whoever walks answers it both
//! ways and walks again. So every way that a packet can take is looked at.

use std::collections::HashMap;

use super::packet::{self, Answer, Packet};
use crate::model::ruleset::{Chain, Condition, Policy, Rule, Ruleset, Table, Target};

/// Deeper than any ruleset that a person can understand; the kernel itself allows no loops.
const MAX_DEPTH: usize = 64;

/// Something a walk depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question<'a> {
    /// Whether this holds, of the flow.
    Flow(&'a Condition),
    /// Whether this rule, which is not understood, takes the packet; asked apart for the packet as tracked (true)
    /// and as untracked, since what is not understood may look at tracking.
    Rule(&'a str, bool),
    /// The walk came too deep.
    Depth,
}

/// Answers given so far.
pub(super) type Answers<'a> = HashMap<Question<'a>, bool>;

/// Where a packet's way ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Table.
    pub(super) table: &'a str,
    /// Built-in chain.
    pub(super) chain: &'a str,
    /// Number of the rule of the built-in chain, from 1, that ended it or led there; `None` when all were passed
    /// and the policy ended it.
    pub(super) number: Option<usize>,
    /// The rule that ended it, or the policy, as `iptables-save` and iptables print them.
    pub(super) text: String,
    /// Chains jumped to on the way.
    pub(super) via: Vec<&'a str>,
}

/// How a table's chain leaves a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// It may go on; `by` is the rule that ended the chain early.
    Accepted {
        by: Option<&'a Rule>,
        /// The rule that marked it untracked.
        untracked: Option<&'a Rule>,
    },
    /// It is gone.
    Dropped(Place<'a>),
    /// It is translated.
    Translated(Place<'a>, &'a Rule),
}

/// A walk through one built-in chain.
pub(super) struct Walk<'a, 'b> {
    table: &'a Table,
    builtin: &'a Chain,
    packet: &'b Packet,
    answers: &'b Answers<'a>,
    tracked: bool,
    untracked: Option<&'a Rule>,
    via: Vec<&'a str>,
    number: usize,
}

/// What a rule, or a chain, made of the packet.
enum Step<'a> {
    Continue,
    Return,
    End(Fate<'a>),
}

impl<'a, 'b> Walk<'a, 'b> {
    /// `None` when the ruleset has no such chain.
    pub(super) fn new(
        ruleset: &'a Ruleset,
        (table, chain): (&str, &str),
        packet: &'b Packet,
        answers: &'b Answers<'a>,
        tracked: bool,
    ) -> Option<Self> {
        let table = ruleset.table(table)?;
        Some(Self {
            table,
            builtin: table.chain(chain)?,
            packet,
            answers,
            tracked,
            untracked: None,
            via: Vec::new(),
            number: 0,
        })
    }

    /// The packet's fate, or what must be known first.
    pub(super) fn run(mut self) -> Result<Fate<'a>, Question<'a>> {
        let builtin = self.builtin;
        for (at, rule) in builtin.rules.iter().enumerate() {
            self.number = at + 1;
            match self.rule(rule)? {
                Step::Continue => {}
                Step::Return => return Ok(self.policy(Some(rule))),
                Step::End(fate) => return Ok(fate),
            }
        }
        Ok(self.policy(None))
    }

    fn policy(&self, by: Option<&'a Rule>) -> Fate<'a> {
        if self.builtin.policy == Some(Policy::Drop) {
            let name = self.builtin.name.as_str();
            return Fate::Dropped(Place {
                table: &self.table.name,
                chain: name,
                number: by.map(|_| self.number),
                text: format!("-P {name} DROP"),
                via: Vec::new(),
            });
        }
        Fate::Accepted {
            by,
            untracked: self.untracked,
        }
    }

    fn chain(&mut self, chain: &'a Chain) -> Result<Step<'a>, Question<'a>> {
        if self.via.len() >= MAX_DEPTH {
            return Err(Question::Depth);
        }
        self.via.push(&chain.name);
        for rule in &chain.rules {
            match self.rule(rule)? {
                Step::Continue => {}
                Step::Return => break,
                end => return Ok(end),
            }
        }
        self.via.pop();
        Ok(Step::Continue)
    }

    fn rule(&mut self, rule: &'a Rule) -> Result<Step<'a>, Question<'a>> {
        if rule.target == Target::Continue || !self.matches(rule)? {
            return Ok(Step::Continue);
        }
        Ok(match &rule.target {
            Target::Continue => Step::Continue,
            Target::Notrack => {
                self.untracked = Some(rule);
                Step::Continue
            }
            Target::Return => Step::Return,
            Target::Accept => Step::End(Fate::Accepted {
                by: Some(rule),
                untracked: self.untracked,
            }),
            Target::Drop | Target::Reject => Step::End(Fate::Dropped(self.place(rule))),
            Target::Nat | Target::Masquerade => Step::End(Fate::Translated(self.place(rule), rule)),
            Target::Jump(name) => match self.table.chain(name) {
                Some(chain) => self.chain(chain)?,
                None => self.unknown(rule)?,
            },
            // When a chain that was gone to ends, its caller's caller goes on: here, the caller returns.
            Target::Goto(name) => match self.table.chain(name) {
                Some(chain) => match self.chain(chain)? {
                    Step::Continue => Step::Return,
                    other => other,
                },
                None => self.unknown(rule)?,
            },
            Target::Unknown(_) => self.unknown(rule)?,
        })
    }

    /// A target that is not understood may drop the packet, or let it go on.
    fn unknown(&self, rule: &'a Rule) -> Result<Step<'a>, Question<'a>> {
        let drops = self.ask(Question::Rule(&rule.text, self.tracked))?;
        Ok(if drops {
            Step::End(Fate::Dropped(self.place(rule)))
        } else {
            Step::Continue
        })
    }

    fn matches(&self, rule: &'a Rule) -> Result<bool, Question<'a>> {
        let answers = || {
            rule.matches
                .iter()
                .map(|m| (m, packet::answer(m, self.packet)))
        };
        if answers().any(|(_, answer)| answer == Answer::No) {
            return Ok(false);
        }
        for (matched, answer) in answers() {
            if answer == Answer::Maybe
                && self.ask(Question::Flow(&matched.condition))? == matched.negated
            {
                return Ok(false);
            }
        }
        if answers().any(|(_, answer)| answer == Answer::Unknown) {
            return self.ask(Question::Rule(&rule.text, self.tracked));
        }
        Ok(true)
    }

    fn ask(&self, question: Question<'a>) -> Result<bool, Question<'a>> {
        self.answers.get(&question).copied().ok_or(question)
    }

    fn place(&self, rule: &'a Rule) -> Place<'a> {
        Place {
            table: &self.table.name,
            chain: &self.builtin.name,
            number: Some(self.number),
            text: rule.text.clone(),
            via: self.via.clone(),
        }
    }
}
