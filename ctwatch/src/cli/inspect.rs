//! `ctwatch inspect`.

use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result, bail};

use super::{Global, Outcome, Output, addresses::Addresses, seal, settings::Settings};
use crate::{
    analysis::inspect::{Options, Tally, explain},
    model::{listed::Listed, listing::Listing},
    render::{
        inspect::{self, explained_json, json, text},
        paint::Paint,
    },
    source::{
        conntrack_text::{Sink, scan},
        packed::{self, Stream},
    },
};

/// Threads that read a listing: each holds counts of its own, and more of them wait for each other.
const THREADS: usize = 2;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Output of `conntrack -L` in any of its forms, or /proc/net/nf_conntrack; as it is, or compressed by gzip or
    /// zstd. `-` is standard input.
    #[arg(default_value = "-", value_name = "DUMP")]
    dump: PathBuf,
    /// The node's own addresses: a file with the output of `ip -j addr`, or addresses separated by commas.
    #[arg(long, value_name = "FILE|ADDRESS,…")]
    addresses: Option<String>,
    /// Settings of the node as `sysctl -a` prints them: idle times follow from its timeouts, not from the kernel's
    /// defaults.
    #[arg(long, value_name = "FILE")]
    sysctl: Option<PathBuf>,
    /// Only entries with this service port.
    #[arg(long)]
    port: Option<u16>,
    /// Rows of each list; with --explain entries.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// Tell single entries in words.
    #[arg(long)]
    explain: bool,
}

/// Rows of a list unless the user says otherwise.
const ROWS: usize = 10;

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let name = name(args);
    if args.dump == Path::new("-") && io::stdin().is_terminal() {
        bail!("no listing: name a file, or pipe one in (sudo conntrack -L | ctwatch inspect)");
    }
    let stream = packed::open(&args.dump).with_context(|| format!("cannot read {name}"))?;
    let addresses = args.addresses.as_deref().map(Addresses::read).transpose()?;
    let settings = args.sysctl.as_deref().map(Settings::read).transpose()?;
    seal();
    let top = args.top.map(usize::try_from).transpose()?;
    let options = Options {
        local: addresses
            .map(Addresses::list)
            .transpose()?
            .map(|own| own.into_iter().collect()),
        sysctls: settings.map(Settings::list).transpose()?,
        port: args.port,
        top: top.unwrap_or(ROWS),
    };
    if args.explain {
        let listing = tell(stream, &options, top, global.output)
            .with_context(|| format!("cannot read {name}"))?;
        return warn(&listing, &name);
    }
    let (tally, listing) =
        count(stream, &options).with_context(|| format!("cannot read {name}"))?;
    let inspection = tally.finish(listing, &options);
    warn(&inspection.listing, &name)?;
    let out = match global.output {
        Output::Json => json(&inspection)?,
        Output::Text if global.colored() => text(&inspection, &name, Paint::Colored),
        Output::Text => text(&inspection, &name, Paint::Plain),
    };
    io::stdout().write_all(out.as_bytes())?;
    Ok(Outcome::Done)
}

fn name(args: &Args) -> String {
    match args.dump.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => args.dump.display().to_string(),
    }
}

/// Reads the whole listing.
fn count(stream: Stream, options: &Options) -> io::Result<(Tally, Listing)> {
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS));
    let counter = || Counter {
        tally: Tally::new(options),
        options,
    };
    let (counters, listing) = scan(stream, (0..threads).map(|_| counter()).collect())?;
    let whole = counters.into_iter().map(|counter| counter.tally);
    let whole = whole.reduce(|mut whole, tally| {
        whole.merge(tally);
        whole
    });
    Ok((whole.unwrap_or_else(|| Tally::new(options)), listing))
}

struct Counter<'o> {
    tally: Tally,
    options: &'o Options,
}

impl Sink for Counter<'_> {
    fn take(&mut self, listed: &Listed) -> ControlFlow<()> {
        if self.options.wants(&listed.entry) {
            self.tally.add(listed);
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self) {
        self.tally.settle();
    }
}

/// Prints entries as they come, at most so many.
fn tell(stream: Stream, options: &Options, most: Option<usize>, output: Output) -> Result<Listing> {
    let teller = Teller {
        out: BufWriter::new(io::stdout()),
        options,
        output,
        left: most,
        failed: None,
    };
    let (tellers, listing) = scan(stream, vec![teller])?;
    for mut teller in tellers {
        teller.failed.take().map_or(Ok(()), Err)?;
        teller.out.flush()?;
    }
    Ok(listing)
}

struct Teller<'o> {
    out: BufWriter<io::Stdout>,
    options: &'o Options,
    output: Output,
    /// Entries to tell; `None` for all.
    left: Option<usize>,
    failed: Option<anyhow::Error>,
}

impl Sink for Teller<'_> {
    fn take(&mut self, listed: &Listed) -> ControlFlow<()> {
        if !self.options.wants(&listed.entry) {
            return ControlFlow::Continue(());
        }
        self.failed = self.tell(listed).err();
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.failed.is_some() || self.left == Some(0) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Teller<'_> {
    fn tell(&mut self, listed: &Listed) -> Result<()> {
        let explained = explain(listed, self.options);
        match self.output {
            Output::Json => self.out.write_all(explained_json(&explained)?.as_bytes())?,
            Output::Text => {
                let words = inspect::explain(&explained);
                writeln!(self.out, "{}\n  {words}\n", listed.entry)?;
            }
        }
        Ok(())
    }
}

/// Says what was not understood; a listing without a single entry is none.
fn warn(listing: &Listing, name: &str) -> Result<Outcome> {
    for warning in inspect::warnings(listing, name) {
        noteln!("ctwatch: warning: {warning}");
    }
    if listing.entries == 0 && listing.damaged > 0 {
        bail!(
            "{name} has no entry: it is neither the output of `conntrack -L` nor /proc/net/nf_conntrack (get one with \
             `conntrack -L > DUMP` as root)"
        );
    }
    Ok(Outcome::Done)
}
