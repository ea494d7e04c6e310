//! One `-A CHAIN …` line.

use super::{
    condition, target,
    words::{self, Word},
};
use crate::model::{
    endpoint::Family,
    ruleset::{Condition, Effect, Match, Need, Rule, Target},
};

/// What a rule's words depend on beside themselves.
pub(super) struct Context<'a> {
    pub(super) family: Family,
    /// The table that the rule stands in.
    pub(super) table: &'a str,
    /// Whether rules of the same text change ipsets.
    pub(super) sets_change: bool,
}

/// Whether some rule adds to an ipset, or takes from one. All sets count as changed then: a set may list others.
pub(super) fn changes_sets(text: &str) -> bool {
    ["--add-set ", "--del-set "]
        .iter()
        .any(|option| text.contains(option))
}

/// Why a line is no rule.
pub(super) enum Damage {
    OpenQuote,
    NoChain,
    NoTarget,
}

/// Match modules whose options are all read here, or end up unknown one by one.
const MODULES: [&str; 15] = [
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
    "mark",
    "iprange",
    "set",
];

/// Modules that look at the packet's ends and way alone, so that tracking does not change what they say, and they say
/// it of all packets of a flow.
const OF_FLOW: [&str; 11] = [
    "mac", "physdev", "owner", "cgroup", "rpfilter", "pkttype", "policy", "devgroup", "realm",
    "ah", "esp",
];

/// Modules that look at the one packet.
const OF_PACKET: [&str; 8] = [
    "ttl", "hl", "length", "dscp", "tos", "ecn", "tcpmss", "string",
];

/// Options of TCP's that look at the one packet; SYN is followed.
const OF_SEGMENT: [&str; 2] = ["--tcp-flags", "--tcp-option"];

/// Modules that look at the packet's entry, and never match without one.
const OF_ENTRY: [&str; 4] = ["connmark", "connbytes", "connlabel", "helper"];

/// The chain a rule stands in, and the rule.
pub(super) fn parse(line: &str, context: &Context<'_>) -> Result<(String, Rule), Damage> {
    let words = words::split(line).ok_or(Damage::OpenQuote)?;
    let mut parser = Parser {
        words: &words,
        context,
        matches: Vec::new(),
        effects: Vec::new(),
        comment: None,
        module: "",
        conntrack_from: 0,
        asks_state: false,
        limits_connections: false,
    };
    if parser.take().is_none_or(|word| word != "-A") {
        return Err(Damage::NoChain);
    }
    let chain = parser.take().ok_or(Damage::NoChain)?.to_owned();
    let target = parser.rest()?;
    // A rule that only writes a line limits nobody.
    if parser.limits_connections && (target != Target::Continue || !parser.effects.is_empty()) {
        parser.effects.push(Effect::Needs(Need::Connlimit));
    }
    let rule = Rule {
        text: line.to_owned(),
        matches: parser.matches,
        effects: parser.effects,
        target,
        comment: parser.comment,
        handle: None,
    };
    Ok((chain, rule))
}

struct Parser<'a> {
    words: &'a [Word],
    context: &'a Context<'a>,
    matches: Vec<Match>,
    effects: Vec<Effect>,
    comment: Option<String>,
    /// The match module whose options follow.
    module: &'a str,
    /// Where the matches of the last `-m conntrack` begin.
    conntrack_from: usize,
    /// Whether it had `--ctstate`.
    asks_state: bool,
    /// Whether there was a `-m connlimit`.
    limits_connections: bool,
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
                "-j" | "--jump" | "-g" | "--goto" if !negated => {
                    self.leave_module();
                    return self.target(option);
                }
                _ => self.option(negated, option),
            }
        }
        self.leave_module();
        Ok(Target::Continue)
    }

    /// A packet without an entry gets past all options of a `-m conntrack` if its state does, and past none without
    /// `--ctstate` (`conntrack_mt`).
    fn leave_module(&mut self) {
        if self.asks_state {
            for matched in &mut self.matches[self.conntrack_from..] {
                match &mut matched.condition {
                    Condition::Entry { without, .. } | Condition::Original { without, .. } => {
                        *without = true;
                    }
                    _ => {}
                }
            }
        }
        self.asks_state = false;
        self.conntrack_from = self.matches.len();
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
            ("-m" | "--match", Some(module)) if !negated => self.enter(option, module),
            ("--comment", Some(text)) => {
                self.comment = Some(text.to_owned());
                self.take();
            }
            ("--tcp-flags", Some("FIN,SYN,RST,ACK")) if self.second() == Some("SYN") => {
                self.words = &self.words[2..];
                self.push(negated, Condition::Syn);
            }
            // In raw they may come before fragments are put together (iptable_raw's raw_before_defrag).
            ("-f" | "--fragment", _) if self.context.table != "raw" => {
                self.push(negated, Condition::Fragment);
            }
            ("--match-set", Some(name)) if self.asks_one_address() => {
                let side = self.second().unwrap_or_default();
                let text = format!("-m set --match-set {name} {side}");
                self.words = &self.words[2..];
                self.push(negated, Condition::Flow(text));
            }
            _ => match value
                .and_then(|value| condition::read(self.module, option, value, self.context.family))
            {
                Some(condition) => {
                    self.take();
                    self.asks_state |= option == "--ctstate";
                    self.push(negated, condition);
                }
                None => self.other(negated, option),
            },
        }
    }

    fn push(&mut self, negated: bool, condition: Condition) {
        self.matches.push(Match { negated, condition });
    }

    fn second(&self) -> Option<&'a str> {
        self.words.get(1).map(|word| word.text.as_str())
    }

    /// Whether `--match-set` looks at the packet alone: at one field, which cannot be its mark (`hash:ip,mark` takes
    /// two), of a set that no rule changes. In nat it matters whether the set has the address, which nobody knows.
    fn asks_one_address(&self) -> bool {
        self.module == "set"
            && self.context.table != "nat"
            && !self.context.sets_change
            && matches!(self.second(), Some("src" | "dst"))
    }

    fn enter(&mut self, option: &str, module: &'a str) {
        self.leave_module();
        self.module = module;
        self.limits_connections |= module == "connlimit";
        let is_known = [&MODULES[..], &OF_FLOW, &OF_PACKET, &OF_ENTRY]
            .iter()
            .any(|modules| modules.contains(&module));
        if is_known {
            self.take();
        } else {
            self.unknown(false, option, 1);
        }
    }

    /// An option without a meaning of its own here: what the module tells is all there is to know.
    fn other(&mut self, negated: bool, option: &str) {
        let from = self.matches.len();
        self.unknown(negated, option, 0);
        let module = self.module;
        let is_basic = !option.starts_with("--");
        let of_entry =
            OF_ENTRY.contains(&module) || module == "conntrack" && option.starts_with("--ct");
        for matched in self.matches.iter_mut().skip(from).filter(|_| !is_basic) {
            let Condition::Unknown(text) = &matched.condition else {
                continue;
            };
            if of_entry {
                let text = format!("-m {module} {text}");
                matched.condition = Condition::Entry {
                    text,
                    without: false,
                };
            } else if OF_FLOW.contains(&module) {
                matched.condition = Condition::Flow(format!("-m {module} {text}"));
            } else if OF_PACKET.contains(&module) || OF_SEGMENT.contains(&option) {
                matched.condition = Condition::Packet(format!("-m {module} {text}"));
            }
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
        let options: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        let (effects, target) = target::read(name, &options);
        self.effects.extend(effects);
        Ok(target)
    }
}
