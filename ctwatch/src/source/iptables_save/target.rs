//! `-j` and what follows it.

use super::values;
use crate::model::ruleset::{Effect, Need, Target};

/// Targets that change nothing that is asked here: whether the packet goes on, and what later rules see of it.
const PASSING: [&str; 14] = [
    "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CLASSIFY", "TOS", "DSCP", "TTL", "HL", "TCPMSS",
    "CHECKSUM", "ECN", "SET",
];

/// Effects and target of a name with its options.
pub(super) fn read(name: &str, options: &[&str]) -> (Vec<Effect>, Target) {
    let simple = |target| (Vec::new(), target);
    let effect = |effect| (vec![effect], Target::Continue);
    match name {
        "ACCEPT" => simple(Target::Accept),
        "DROP" => simple(Target::Drop),
        "REJECT" => simple(Target::Reject),
        "RETURN" => simple(Target::Return),
        "NOTRACK" => effect(Effect::Notrack),
        "CT" if options == ["--notrack"] => effect(Effect::Notrack),
        "CT" if options.contains(&"--helper") => effect(Effect::Needs(Need::Helper)),
        "CT" if options.iter().any(|word| word.starts_with("--zone")) => {
            effect(Effect::Needs(Need::Zone))
        }
        "MARK" => mark(options).map_or_else(|| simple(unknown(name, options)), effect),
        "CONNMARK" => (
            vec![Effect::Needs(Need::Connmark), Effect::AnyMark],
            Target::Continue,
        ),
        "SYNPROXY" => effect(Effect::Needs(Need::Synproxy)),
        "TPROXY" => (
            vec![Effect::Needs(Need::Tproxy), Effect::AnyMark],
            Target::Accept,
        ),
        "FLOWOFFLOAD" => effect(Effect::Needs(Need::Flowtable)),
        "DNAT" | "REDIRECT" | "SNAT" | "NETMAP" => simple(Target::Nat),
        "MASQUERADE" => simple(Target::Masquerade),
        "SET" if options.contains(&"--map-mark") => effect(Effect::AnyMark),
        passing if PASSING.contains(&passing) => simple(Target::Continue),
        // An extension without options looks like a chain; no chain of that name will be found.
        chain if options.is_empty() => simple(Target::Jump(chain.to_owned())),
        _ => simple(unknown(name, options)),
    }
}

fn unknown(name: &str, options: &[&str]) -> Target {
    let words = options.iter();
    Target::Unknown(words.fold(name.to_owned(), |all, word| format!("{all} {word}")))
}

/// `--set-xmark 0x4000/0x4000`, and the forms that iptables turns into it.
fn mark(options: &[&str]) -> Option<Effect> {
    let [option, value] = options else {
        return None;
    };
    let (value, mask) = values::mark(value)?;
    let (clear, flip) = match *option {
        "--set-xmark" => (mask, value),
        "--set-mark" => (mask | value, value),
        "--or-mark" => (value, value),
        "--and-mark" => (!value, 0),
        "--xor-mark" => (0, value),
        _ => return None,
    };
    Some(Effect::Mark { clear, flip })
}
