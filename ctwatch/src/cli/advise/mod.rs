//! `ctwatch advise`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::{Global, Outcome, Output, addresses::Addresses, seal};
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
    source::{iptables_save, ruleset_text},
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
    let file = recording::File::open(&args.file)?;
    let texts = Texts::read(args)?;
    seal();
    let recording = file.read()?;
    let given = Given {
        rulesets: texts.rulesets(&recording.node)?,
        addresses: texts.addresses.map(Addresses::list).transpose()?,
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

/// What the user gave in place of what was recorded, read and not yet understood.
struct Texts {
    iptables_save: Vec<(PathBuf, String)>,
    addresses: Option<Addresses>,
}

impl Texts {
    fn read(args: &Args) -> Result<Self> {
        let ruleset = |path: &PathBuf| -> Result<_> {
            let bytes =
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((path.clone(), String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Self {
            iptables_save: args
                .iptables_save
                .iter()
                .map(ruleset)
                .collect::<Result<_>>()?,
            addresses: args.addresses.as_deref().map(Addresses::read).transpose()?,
        })
    }

    /// What was recorded, less the iptables rules of families that files are given for, and the files.
    fn rulesets(&self, node: &Node) -> Result<Vec<ReadRuleset>> {
        let given = self
            .iptables_save
            .iter()
            .map(|(path, text)| ruleset(path, text))
            .collect::<Result<Vec<_>>>()?;
        let mut rulesets: Vec<ReadRuleset> = node.rulesets.iter().map(ruleset_text::read).collect();
        rulesets.retain(|recorded| !given.iter().any(|file| replaces(file.kind, recorded.kind)));
        rulesets.extend(given);
        Ok(rulesets)
    }
}

fn replaces(given: RulesetKind, recorded: RulesetKind) -> bool {
    use RulesetKind::{Ip6tablesLegacySave, Ip6tablesSave, IptablesLegacySave, IptablesSave};
    recorded == given
        || matches!(
            (given, recorded),
            (IptablesSave, IptablesLegacySave) | (Ip6tablesSave, Ip6tablesLegacySave)
        )
}

fn ruleset(path: &Path, text: &str) -> Result<ReadRuleset> {
    let family = iptables_save::family_of(text);
    let ruleset = iptables_save::read(text, family)
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
