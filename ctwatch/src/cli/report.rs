//! `ctwatch report`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::{Global, Outcome, Output, seal};
use crate::{
    analysis::report::{Options, Report, find_netns, known_netns, report},
    model::{endpoint::Netns, recording::Recording},
    recording,
    render::{
        paint::Paint,
        report::{Section, json, text},
    },
};

/// Stretches of time in the overview.
const POINTS: usize = 60;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recording.
    #[arg(default_value = "ctwatch.db")]
    file: PathBuf,
    /// Show one list only.
    #[arg(long, value_enum, value_name = "LIST")]
    by: Option<By>,
    /// Only this network namespace: inode number, or name under /run/netns.
    #[arg(long, value_name = "INODE|NAME")]
    netns: Option<String>,
    /// Only this service port.
    #[arg(long)]
    port: Option<u16>,
    /// Rows of each list; stretches of time with --by time.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
}

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Ports.
    Port,
    /// Clients, as of the last dump.
    Client,
    /// States, as of the last dump.
    State,
    /// Network namespaces.
    Netns,
    /// Fill over time.
    Time,
    /// Who hurt whom.
    Victim,
}

impl From<By> for Section {
    fn from(by: By) -> Self {
        match by {
            By::Port => Self::Port,
            By::Client => Self::Client,
            By::State => Self::State,
            By::Netns => Self::Netns,
            By::Time => Self::Time,
            By::Victim => Self::Victim,
        }
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let file = recording::File::open(&args.file)?;
    seal();
    let recording = file.read()?;
    let top = usize::try_from(args.top)?;
    let options = Options {
        netns: netns(args, &recording)?,
        port: args.port,
        top,
        points: if args.by == Some(By::Time) {
            top
        } else {
            POINTS
        },
    };
    let report = report(&recording, &options);
    warn(args, &report);
    let out = match global.output {
        Output::Json => json(&report)?,
        Output::Text => {
            let paint = if global.colored() {
                Paint::Colored
            } else {
                Paint::Plain
            };
            text(&report, args.by.map(Section::from), paint)
        }
    };
    io::stdout().write_all(out.as_bytes())?;
    Ok(Outcome::Done)
}

fn netns(args: &Args, recording: &Recording) -> Result<Option<Vec<Netns>>> {
    let Some(wanted) = &args.netns else {
        return Ok(None);
    };
    let found = find_netns(recording, wanted);
    if found.is_empty() {
        let known: Vec<String> = known_netns(recording)
            .iter()
            .map(|netns| netns.inode.to_string())
            .collect();
        bail!(
            "no network namespace {wanted} in {} (it has {})",
            args.file.display(),
            known.join(", ")
        );
    }
    Ok(Some(found))
}

fn warn(args: &Args, report: &Report) {
    let file = args.file.display();
    if report.source.ended.is_none() {
        noteln!(
            "ctwatch: warning: {file} did not end in order: the recorder still runs or was killed, and the \
             interval in flight is missing (keep {file}-wal beside it)"
        );
    }
    for reason in &report.source.degraded {
        noteln!("ctwatch: warning: {reason}");
    }
    if args.port.is_some() && args.by == Some(By::Client) {
        noteln!(
            "ctwatch: warning: dumps keep clients of the whole table, none by port (leave out --port)"
        );
    }
}
