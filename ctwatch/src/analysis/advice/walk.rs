//! Follows one packet through chains, rule by rule.
//!
//! Where a rule depends on something that is open, the walk stops with a question; whoever walks answers it both
//! ways and walks again. So every way that a packet can take is looked at.

use std::collections::HashMap;

use super::packet::{self, Answer, Packet};
use crate::model::ruleset::{Chain, Condition, Effect, Policy, Rule, Table, Target};

/// Deeper than any ruleset that a person can understand; the kernel itself allows no loops.
const MAX_DEPTH: usize = 64;

/// Something a walk depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question<'a> {
    /// Whether this holds, of the flow.
    Flow(&'a Condition),
    /// Whether this holds of the connection's first packet (true), or of one after it.
    Packet(&'a Condition, bool),
    /// Whether the rules that make packets untracked come before this chain, which has their priority.
    Late(&'a str),
    /// Whether this rule, which is not understood, takes the packet; asked apart for the packet as tracked (true)
    /// and as untracked, since what is not understood may look at tracking.
    Rule(&'a str, bool),
    /// Whether this rule, which asks something of the packet's entry, takes the packet as tracked.
    Entry(&'a str),
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
    /// Base chain.
    pub(super) chain: &'a str,
    /// Number of the rule of the base chain, from 1, that ended it or led there; `None` when all were passed
    /// and the policy ended it.
    pub(super) number: Option<usize>,
    /// The handle of the rule of that number.
    pub(super) handle: Option<u64>,
    /// The rule that ended it, or the policy, as it was printed.
    pub(super) text: String,
    /// Chains jumped to on the way.
    pub(super) via: Vec<&'a str>,
    /// The rules that jumped.
    pub(super) jumps: Vec<&'a str>,
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

/// A walk through one base chain.
pub(super) struct Walk<'a, 'b> {
    table: &'a Table,
    builtin: &'a Chain,
    packet: Packet,
    answers: &'b Answers<'a>,
    tracked: bool,
    untracked: Option<&'a Rule>,
    /// Rules on the way that need an entry.
    needing: Vec<&'a Rule>,
    via: Vec<&'a str>,
    jumps: Vec<&'a str>,
    number: usize,
}

/// What a rule, or a chain, made of the packet.
enum Step<'a> {
    Continue,
    Return,
    End(Fate<'a>),
}

impl<'a, 'b> Walk<'a, 'b> {
    pub(super) fn new(
        (table, chain): (&'a Table, &'a Chain),
        packet: Packet,
        answers: &'b Answers<'a>,
        tracked: bool,
    ) -> Self {
        Self {
            table,
            builtin: chain,
            packet,
            answers,
            tracked,
            untracked: None,
            needing: Vec::new(),
            via: Vec::new(),
            jumps: Vec::new(),
            number: 0,
        }
    }

    /// The packet as the chain left it, so far as it was walked.
    pub(super) fn packet(&self) -> Packet {
        self.packet
    }

    /// Rules that the walk met and that need an entry.
    pub(super) fn needing(&self) -> &[&'a Rule] {
        &self.needing
    }

    /// The packet's fate, or what must be known first.
    pub(super) fn run(&mut self) -> Result<Fate<'a>, Question<'a>> {
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
                handle: by.and_then(|rule| rule.handle),
                text: if self.table.is_native() {
                    "policy drop".to_owned()
                } else {
                    format!("-P {name} DROP")
                },
                via: Vec::new(),
                jumps: Vec::new(),
            });
        }
        Fate::Accepted {
            by,
            untracked: self.untracked,
        }
    }

    fn chain(&mut self, by: &'a Rule, chain: &'a Chain) -> Result<Step<'a>, Question<'a>> {
        if self.via.len() >= MAX_DEPTH {
            return Err(Question::Depth);
        }
        self.via.push(&chain.name);
        self.jumps.push(&by.text);
        for rule in &chain.rules {
            match self.rule(rule)? {
                Step::Continue => {}
                Step::Return => break,
                end => return Ok(end),
            }
        }
        self.via.pop();
        self.jumps.pop();
        Ok(Step::Continue)
    }

    fn rule(&mut self, rule: &'a Rule) -> Result<Step<'a>, Question<'a>> {
        if does_nothing(self.table, rule, MAX_DEPTH) || !self.matches(rule)? {
            return Ok(Step::Continue);
        }
        for effect in &rule.effects {
            match effect {
                Effect::Notrack => self.untracked = Some(rule),
                Effect::Needs(_) => self.needing.push(rule),
                Effect::Mark { .. } | Effect::AnyMark => {
                    self.packet.mark = self.packet.mark.after(*effect);
                }
            }
        }
        Ok(match &rule.target {
            Target::Continue => Step::Continue,
            Target::Return => Step::Return,
            Target::Accept => Step::End(Fate::Accepted {
                by: Some(rule),
                untracked: self.untracked,
            }),
            Target::Drop | Target::Reject => Step::End(Fate::Dropped(self.place(rule))),
            Target::Nat | Target::Masquerade => Step::End(Fate::Translated(self.place(rule), rule)),
            Target::Jump(name) => match self.table.chain(name) {
                Some(chain) => self.chain(rule, chain)?,
                None => self.unknown(rule)?,
            },
            // When a chain that was gone to ends, its caller's caller goes on: here, the caller returns.
            Target::Goto(name) => match self.table.chain(name) {
                Some(chain) => match self.chain(rule, chain)? {
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
                .map(|m| (m, packet::answer(m, &self.packet)))
        };
        if answers().any(|(_, answer)| answer == Answer::No) {
            return Ok(false);
        }
        for (matched, answer) in answers() {
            if answer == Answer::Maybe
                && self.ask(self.question(&matched.condition))? == matched.negated
            {
                return Ok(false);
            }
        }
        if answers().any(|(_, answer)| answer == Answer::Unknown) {
            return self.ask(Question::Rule(&rule.text, self.tracked));
        }
        if answers().any(|(_, answer)| answer == Answer::Entry) {
            return self.ask(Question::Entry(&rule.text));
        }
        Ok(true)
    }

    fn question(&self, condition: &'a Condition) -> Question<'a> {
        match is_of_packet(condition) {
            true => Question::Packet(condition, self.packet.first),
            false => Question::Flow(condition),
        }
    }

    fn ask(&self, question: Question<'a>) -> Result<bool, Question<'a>> {
        self.answers.get(&question).copied().ok_or(question)
    }

    fn place(&self, rule: &'a Rule) -> Place<'a> {
        Place {
            table: &self.table.name,
            chain: &self.builtin.name,
            number: Some(self.number),
            handle: self
                .builtin
                .rules
                .get(self.number.saturating_sub(1))
                .and_then(|rule| rule.handle),
            text: rule.text.clone(),
            via: self.via.clone(),
            jumps: self.jumps.clone(),
        }
    }
}

/// Whether a packet goes on as it came, whether or not it matches: the rule only counts or writes lines, or leads to
/// a chain of such rules.
fn does_nothing(table: &Table, rule: &Rule, depth: usize) -> bool {
    rule.effects.is_empty()
        && match &rule.target {
            Target::Continue => true,
            Target::Jump(name) => table.chain(name).is_some_and(|chain| {
                let of_no_account = |rule: &Rule| {
                    is_return(rule) || does_nothing(table, rule, depth.saturating_sub(1))
                };
                depth > 0 && chain.rules.iter().all(of_no_account)
            }),
            _ => false,
        }
}

/// Whether the next packet of the flow may give another answer.
fn is_of_packet(condition: &Condition) -> bool {
    match condition {
        Condition::Packet(_) => true,
        Condition::Any(ways) => {
            let mut all = ways.iter().flatten();
            all.any(|matched| is_of_packet(&matched.condition))
        }
        _ => false,
    }
}

fn is_return(rule: &Rule) -> bool {
    rule.target == Target::Return && rule.effects.is_empty()
}
