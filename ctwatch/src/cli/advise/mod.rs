//! `ctwatch advise`.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use super::{Global, Outcome, Output, confine, seal};
use crate::{
    analysis::{
        advice::{Advice, Given, Kind, advise},
        inspect::NO_NETNS,
    },
    model::{recording::Recording, remedy::Known},
    recording,
    render::{
        advice::{Program, json, script, text},
        paint::Paint,
    },
    source::doctor,
};

mod files;
mod live;
mod planned;
mod texts;

use files::Files;
use texts::Texts;

/// The recording, unless another is named.
const RECORDING: &str = "ctwatch.db";

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recording [default: ctwatch.db, where there is one; else this node as it is now, which needs CAP_NET_ADMIN]
    file: Option<PathBuf>,
    /// In place of a recording the output of `conntrack -L` in any of its forms, or /proc/net/nf_conntrack; `-` is
    /// standard input.
    #[arg(long, value_name = "DUMP", conflicts_with = "file")]
    conntrack: Option<PathBuf>,
    /// Rules as iptables-save or ip6tables-save print them, in place of those recorded for that family.
    #[arg(long = "iptables-save", value_name = "FILE")]
    iptables_save: Vec<PathBuf>,
    /// Rules as `nft -j list ruleset` prints them, in place of those recorded.
    #[arg(long, value_name = "FILE")]
    nft: Option<PathBuf>,
    /// IPVS's services as `ipvsadm -Sn` prints them, or /proc/net/ip_vs, in place of those recorded.
    #[arg(long, value_name = "FILE")]
    ipvs: Option<PathBuf>,
    /// Settings as `sysctl -a` prints them, in place of those recorded.
    #[arg(long, value_name = "FILE")]
    sysctl: Option<PathBuf>,
    /// The node's own addresses in place of those recorded: a file with the output of `ip -j addr`, or addresses
    /// separated by commas.
    #[arg(long, value_name = "FILE|ADDRESS,…")]
    addresses: Option<String>,
    /// Rules alone, as a script, instead of text.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Write a plan of the safe ports for `ctwatch apply`, to be read and edited; --format nft or iptables says what it is
    /// made for.
    #[arg(long, value_name = "OUT")]
    plan: Option<PathBuf>,
    /// Replace OUT of --plan if it exists.
    #[arg(long, requires = "plan")]
    force: bool,
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
    /// Policies of Calico's (doNotTrack) for the safe ports.
    Calico,
}

impl Args {
    /// Whether this node is looked at: nothing is named, and there is no recording.
    pub(super) fn is_live(&self) -> bool {
        let named =
            self.file.is_some() || self.conntrack.is_some() || !self.iptables_save.is_empty();
        let given = [&self.nft, &self.ipvs, &self.sysctl];
        let given = given.iter().any(|file| file.is_some()) || self.addresses.is_some();
        !named && !given && !Path::new(RECORDING).exists()
    }

    fn recording(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(RECORDING))
    }
}

/// What is judged, and what is known beside it.
struct Input {
    /// What to call it.
    name: String,
    recording: Recording,
    given: Given,
    texts: Texts,
}

/// And the file of a plan, which is made before this process may make none any more.
type Inputs = (Input, Option<planned::Output>);

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if global.output == Output::Json && args.format != Format::Text && args.plan.is_none() {
        bail!("-o json has the rules in all forms (leave out --format)");
    }
    let (input, plan) = input(args)?;
    let advice = advise(&input.recording, &input.given);
    if advice.source.ended.is_none() {
        noteln!(
            "ctwatch: warning: {} did not end in order: figures are those of its last sample",
            input.name
        );
    }
    for reason in &advice.source.degraded {
        noteln!("ctwatch: warning: {reason}");
    }
    if let Some(plan) = plan {
        plan.write(&advice, &input)?;
    }
    let out = output(&advice, &input.name, args, global)?;
    io::stdout().write_all(out.as_bytes())?;
    Ok(if args.check && advice.needs_attention() {
        Outcome::Attention
    } else {
        Outcome::Done
    })
}

fn input(args: &Args) -> Result<Inputs> {
    if args.is_live() {
        return here(args);
    }
    match &args.conntrack {
        Some(dump) => listed(args, dump),
        None => recorded(args),
    }
}

fn recorded(args: &Args) -> Result<Inputs> {
    let path = args.recording();
    let file = recording::File::open(path);
    let file = if args.file.is_none() && !path.exists() {
        file.context("the files say what stands on a node, not what its table holds (name a recording, or --conntrack DUMP)")?
    } else {
        file?
    };
    let mut texts = Texts::read(args)?;
    let (hostname, here) = doctor::known(Path::new("/"));
    let plan = planned::Output::create(args)?;
    seal();
    let mut recording = file.read()?;
    // Programs and files of another machine say nothing of the recorded one's settings.
    let is_here = hostname.value() == Some(&recording.node.hostname);
    recording.node.sysctls.extend(texts.settings()?);
    let input = Input {
        name: path.display().to_string(),
        given: Given {
            rulesets: texts.rulesets(&recording.node)?,
            addresses: texts.addresses()?,
            known: if is_here { here } else { Known::default() },
            ..Given::default()
        },
        recording,
        texts,
    };
    Ok((input, plan))
}

fn listed(args: &Args, dump: &Path) -> Result<Inputs> {
    let files = Files::open(dump)?;
    let mut texts = Texts::read(args)?;
    let plan = planned::Output::create(args)?;
    seal();
    let addresses = texts.addresses()?;
    let settings = texts.settings()?;
    let mut listed = files.read(addresses.as_deref(), texts.has_nft(), settings)?;
    let rulesets = texts.rulesets(&listed.recording.node)?;
    listed.recording.node.rulesets = texts.in_place(&listed.recording.node, NO_NETNS)?;
    let input = Input {
        name: dump.display().to_string(),
        given: Given {
            kind: Kind::Files,
            rulesets,
            addresses,
            unread: listed.unread,
            ..Given::default()
        },
        recording: listed.recording,
        texts,
    };
    Ok((input, plan))
}

/// Nothing is understood before the capabilities are given up.
fn here(args: &Args) -> Result<Inputs> {
    let recording = live::read()?;
    let (_, known) = doctor::known(Path::new("/"));
    let plan = planned::Output::create(args)?;
    confine();
    seal();
    let texts = Texts::read(args)?;
    let input = Input {
        name: "this node, now".to_owned(),
        given: Given {
            kind: Kind::Live,
            rulesets: texts.rulesets(&recording.node)?,
            known,
            ..Given::default()
        },
        recording,
        texts,
    };
    Ok((input, plan))
}

fn output(advice: &Advice, name: &str, args: &Args, global: &Global) -> Result<String> {
    Ok(match (global.output, args.format) {
        (Output::Json, _) => json(advice)?,
        (Output::Text, Format::Iptables) => script(advice, Program::Iptables),
        (Output::Text, Format::Nft) => script(advice, Program::Nft),
        (Output::Text, Format::Calico) => script(advice, Program::Calico),
        (Output::Text, Format::Text) => {
            let paint = if global.colored() {
                Paint::Colored
            } else {
                Paint::Plain
            };
            text(advice, name, paint)
        }
    })
}
