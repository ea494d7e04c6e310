//! One `-A CHAIN …` line.

use super::{
    values,
    words::{self, Word},
};
use crate::model::{
    endpoint::Family,
    ruleset::{Condition, Match, Rule, Target},
};

/// Why a line is no rule.
pub(super) enum Damage {
    OpenQuote,
    NoChain,
    NoTarget,
}

/// Match modules whose options are all read here, or end up unknown one by one.
const MODULES: [&str; 12] = [
    "tcp",
    "udp",
    "udplite",
    "sctp",
    "dccp",
    "multiport",
    "state",
    "conntrack",
    "comment",
    "icmp",
    "icmp6",
    "addrtype",
];

/// The chain a rule stands in, and the rule.
pub(super) fn parse(line: &str, family: Family) -> Result<(String, Rule), Damage> {
    let words = words::split(line).ok_or(Damage::OpenQuote)?;
    let mut parser = Parser {
        words: &words,
        family,
        matches: Vec::new(),
        comment: None,
    };
    if parser.take().is_none_or(|word| word != "-A") {
        return Err(Damage::NoChain);
    }
    let chain = parser.take().ok_or(Damage::NoChain)?.to_owned();
    let target = parser.rest()?;
    let rule = Rule {
        text: line.to_owned(),
        matches: parser.matches,
        target,
        comment: parser.comment,
    };
    Ok((chain, rule))
}

struct Parser<'a> {
    words: &'a [Word],
    family: Family,
    matches: Vec<Match>,
    comment: Option<String>,
}

impl<'a> Parser<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(&first.text)
    }

    /// Everything after the chain's name.
    fn rest(&mut self) -> Result<Target, Damage> {
        while let Some((first, _)) = self.words.split_first() {
            let negated = first.text == "!" && !first.quoted;
            if negated {
                self.take();
            }
            let Some(option) = self.take() else {
                self.unknown(negated, "!", 0);
                break;
            };
            match option {
                "-j" | "--jump" | "-g" | "--goto" if !negated => return self.target(option),
                _ => self.option(negated, option),
            }
        }
        Ok(Target::Continue)
    }

    fn option(&mut self, negated: bool, option: &str) {
        let value = self.words.first().map(|word| word.text.as_str());
        let everything = matches!(
            (option, value),
            ("-p", Some("all" | "0")) | ("--icmp-type" | "--icmpv6-type", Some("any"))
        );
        if everything && !negated {
            self.take();
            return;
        }
        match (option, value) {
            ("-m" | "--match", Some(module)) if !negated && MODULES.contains(&module) => {
                self.take();
            }
            ("--comment", Some(text)) => {
                self.comment = Some(text.to_owned());
                self.take();
            }
            _ => match value.and_then(|value| condition(option, value, self.family)) {
                Some(condition) => {
                    self.take();
                    self.matches.push(Match { negated, condition });
                }
                None => self.unknown(negated, option, usize::from(option == "-m")),
            },
        }
    }

    /// Keeps an option that is not understood with its values: everything up to the next option.
    fn unknown(&mut self, negated: bool, option: &str, least: usize) {
        let values = self
            .words
            .iter()
            .take_while(|word| word.quoted || !(word.text.starts_with('-') || word.text == "!"))
            .count()
            .max(least.min(self.words.len()));
        let mut text = option.to_owned();
        for word in &self.words[..values] {
            text.push(' ');
            text.push_str(&word.text);
        }
        self.words = &self.words[values..];
        self.matches.push(Match {
            negated,
            condition: Condition::Unknown(text),
        });
    }

    /// The target and its options, which are always the last words.
    fn target(&mut self, option: &str) -> Result<Target, Damage> {
        let name = self.take().ok_or(Damage::NoTarget)?;
        if matches!(option, "-g" | "--goto") {
            return Ok(Target::Goto(name.to_owned()));
        }
        Ok(match name {
            "ACCEPT" => Target::Accept,
            "DROP" => Target::Drop,
            "REJECT" => Target::Reject,
            "RETURN" => Target::Return,
            "LOG" | "NFLOG" => Target::Continue,
            "NOTRACK" => Target::Notrack,
            "CT" if self.words.len() == 1 && self.words[0].text == "--notrack" => Target::Notrack,
            "DNAT" | "REDIRECT" | "SNAT" => Target::Nat,
            "MASQUERADE" => Target::Masquerade,
            // An extension without options looks like a chain; no chain of that name will be found.
            chain if self.words.is_empty() => Target::Jump(chain.to_owned()),
            _ => Target::Unknown(
                self.words
                    .iter()
                    .fold(name.to_owned(), |all, word| format!("{all} {}", word.text)),
            ),
        })
    }
}

fn condition(option: &str, value: &str, family: Family) -> Option<Condition> {
    Some(match option {
        "-i" | "--in-interface" => Condition::InInterface(value.to_owned()),
        "-o" | "--out-interface" => Condition::OutInterface(value.to_owned()),
        "-s" | "--source" => Condition::Source(values::prefix(value, family)?),
        "-d" | "--destination" => Condition::Destination(values::prefix(value, family)?),
        "-p" | "--protocol" => Condition::Protocol(values::protocol(value)?),
        "--sport" | "--source-port" | "--sports" | "--source-ports" => {
            Condition::SourcePort(values::ports(value)?)
        }
        "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
            Condition::DestinationPort(values::ports(value)?)
        }
        "--ports" => Condition::EitherPort(values::ports(value)?),
        "--state" | "--ctstate" => Condition::State(values::states(value)?),
        "--icmp-type" | "--icmpv6-type" => {
            let (kind, code) = values::icmp_type(value)?;
            Condition::IcmpType(kind, code)
        }
        "--src-type" if value == "LOCAL" => Condition::SourceIsLocal,
        "--dst-type" if value == "LOCAL" => Condition::DestinationIsLocal,
        _ => return None,
    })
}
