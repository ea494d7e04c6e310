//! `ctwatch advise`.

use std::{
    fs,
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::{Global, Outcome, Output};
use crate::{
    analysis::advice::{Advice, Given, advise},
    model::{
        endpoint::Family,
        node::{Node, RulesetKind},
        ruleset::{Content, ReadRuleset},
    },
    recording,
    render::{
        advice::{Program, json, script, text},
        paint::Paint,
    },
    source::{iptables_save, own_addresses, ruleset_text},
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recording.
    #[arg(default_value = "ctwatch.db")]
    file: PathBuf,
    /// Rules as iptables-save or ip6tables-save print them, in place of those recorded for that family.
    #[arg(long = "iptables-save", value_name = "FILE")]
    iptables_save: Vec<PathBuf>,
    /// The node's own addresses in place of those recorded: a file with the output of `ip -j addr`, or addresses
    /// separated by commas.
    #[arg(long, value_name = "FILE|ADDRESS,…")]
    addresses: Option<String>,
    /// Rules alone, as a script, instead of text.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Exit with status 1 when a table was full, or connections were refused or evicted.
    #[arg(long)]
    check: bool,
}

/// Form of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// A shell script of iptables and ip6tables commands for the safe ports.
    Iptables,
    /// Statements for `nft -f` for the safe ports.
    Nft,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if global.output == Output::Json && args.format != Format::Text {
        bail!("-o json has the rules in all forms (leave out --format)");
    }
    let recording = recording::open(&args.file)?;
    let given = Given {
        rulesets: rulesets(args, &recording.node)?,
        addresses: args.addresses.as_deref().map(addresses).transpose()?,
    };
    let advice = advise(&recording, &given);
    if advice.source.ended.is_none() {
        eprintln!(
            "ctwatch: warning: {} did not end in order: figures are those of its last sample",
            args.file.display()
        );
    }
    for reason in &advice.source.degraded {
        eprintln!("ctwatch: warning: {reason}");
    }
    io::stdout().write_all(output(&advice, args, global)?.as_bytes())?;
    Ok(if args.check && advice.needs_attention() {
        Outcome::Attention
    } else {
        Outcome::Done
    })
}

fn output(advice: &Advice, args: &Args, global: &Global) -> Result<String> {
    Ok(match (global.output, args.format) {
        (Output::Json, _) => json(advice)?,
        (Output::Text, Format::Iptables) => script(advice, Program::Iptables),
        (Output::Text, Format::Nft) => script(advice, Program::Nft),
        (Output::Text, Format::Text) => {
            let paint = if global.colored() {
                Paint::Colored
            } else {
                Paint::Plain
            };
            text(advice, &args.file.display().to_string(), paint)
        }
    })
}

/// What was recorded, less the iptables rules of families that files are given for, and the files.
fn rulesets(args: &Args, node: &Node) -> Result<Vec<ReadRuleset>> {
    let given = args
        .iptables_save
        .iter()
        .map(|path| ruleset(path))
        .collect::<Result<Vec<_>>>()?;
    let mut rulesets: Vec<ReadRuleset> = node.rulesets.iter().map(ruleset_text::read).collect();
    rulesets.retain(|recorded| !given.iter().any(|file| replaces(file.kind, recorded.kind)));
    rulesets.extend(given);
    Ok(rulesets)
}

fn replaces(given: RulesetKind, recorded: RulesetKind) -> bool {
    use RulesetKind::{Ip6tablesLegacySave, Ip6tablesSave, IptablesLegacySave, IptablesSave};
    recorded == given
        || matches!(
            (given, recorded),
            (IptablesSave, IptablesLegacySave) | (Ip6tablesSave, Ip6tablesLegacySave)
        )
}

fn ruleset(path: &Path) -> Result<ReadRuleset> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let family = iptables_save::family_of(&text);
    let ruleset = iptables_save::read(&text, family)
        .with_context(|| format!("{} is not the output of iptables-save", path.display()))?;
    Ok(ReadRuleset {
        netns: None,
        kind: match family {
            Family::Ipv4 => RulesetKind::IptablesSave,
            Family::Ipv6 => RulesetKind::Ip6tablesSave,
        },
        origin: path.display().to_string(),
        content: Ok(Content::Xtables(ruleset)),
    })
}

/// Addresses separated by commas, or else a file.
fn addresses(text: &str) -> Result<Vec<IpAddr>> {
    if let Some(list) = own_addresses::list(text) {
        return Ok(list);
    }
    let json = fs::read_to_string(text).with_context(|| {
        format!("{text} is neither a list of addresses nor a file that can be read")
    })?;
    own_addresses::ip_json(&json)
        .with_context(|| format!("{text} is not the output of `ip -j addr`"))
}
