//! `ctwatch drops`.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    Global, Outcome, Output,
    new_file::NewFile,
    signals::{Signals, until},
    source::By,
};
use crate::{
    recorder::drops::{Drops, Settings},
    render::{drops as render, paint::Paint, record},
    source::privilege,
};

mod sink;

use sink::{Lines, Sink};

/// Time between two looks at the ring buffer.
const EVERY: Duration = Duration::from_millis(100);
/// The same while a reader is waited for.
const WHILE_WRITING: Duration = Duration::from_millis(5);

#[derive(clap::Args)]
pub(super) struct Args {
    /// How long to watch: 30s, 5m, 1h30m [default: until Ctrl-C].
    #[arg(short, long, value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// What to watch by; netlink does not suffice.
    #[arg(long, value_enum, default_value_t)]
    source: By,
    /// Only this network namespace: inode number, or name under /run/netns.
    #[arg(long, value_name = "INODE|NAME")]
    netns: Option<String>,
    /// Only where this is the destination port: of the refused connection or the evicted entry, or of whoever it was
    /// evicted for or collided with.
    #[arg(long)]
    port: Option<u16>,
    /// Write refused packets to this file, for Wireshark; - is standard output, and no lines are printed then.
    #[arg(long, value_name = "OUT.pcapng")]
    pcap: Option<PathBuf>,
    /// Replace an existing file of packets.
    #[arg(long, requires = "pcap")]
    force: bool,
    /// End after this many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Packets that tracking calls invalid, too: there may be many, and each costs.
    #[arg(long)]
    invalid: bool,
}

impl Args {
    /// Whether packets take the place of lines.
    fn packets_to_stdout(&self) -> bool {
        self.pcap.as_deref() == Some(Path::new("-"))
    }

    /// The file of packets.
    fn target(&self) -> Option<NewFile> {
        let file = self.pcap.as_ref().filter(|_| !self.packets_to_stdout());
        file.map(|path| NewFile::new(path, self.force, "--pcap"))
    }

    fn lines(&self, global: &Global) -> Lines {
        match global.output {
            _ if self.packets_to_stdout() => Lines::None,
            Output::Json => Lines::Json,
            Output::Text if global.colored() => Lines::Text(Paint::Colored),
            Output::Text => Lines::Text(Paint::Plain),
        }
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if args.packets_to_stdout() && global.output == Output::Json {
        bail!("both -o json and --pcap - want standard output (--pcap FILE writes elsewhere)");
    }
    if args.packets_to_stdout() && io::stdout().is_terminal() {
        bail!("packets are no text for a terminal (--pcap FILE, or | wireshark -k -i -)");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(watch(args, global))
}

async fn watch(args: &Args, global: &Global) -> Result<Outcome> {
    let settings = Settings {
        source: args.source.into(),
        netns: args.netns.clone(),
        port: args.port,
        packets: args.pcap.is_some(),
        invalid: args.invalid,
    };
    let target = args.target();
    let check = || target.as_ref().map_or(Ok(()), NewFile::check);
    let mut drops = Drops::start(&settings, check)?;
    let mut signals = Signals::new()?;
    let mut sink = Sink::new(args.lines(global), args.limit);
    if args.pcap.is_some() {
        sink.add_packets(target, drops.kernel())?;
    }
    if global.verbose {
        note!("{}", record::attached(&drops.attached()));
    }
    if let Some(reason) = privilege::lock() {
        log::info!("this process stays able to open sockets: {reason}");
    }
    let deadline = args.duration.map(|after| Instant::now() + after);
    follow(&mut drops, &mut sink, &mut signals, deadline).await?;
    let (rest, watched) = drops.finish()?;
    sink.show(&rest)?;
    let summary = sink.finish(watched)?;
    if !global.quiet && global.output == Output::Text {
        note!("{}", render::summary(&summary));
    }
    Ok(Outcome::Done)
}

/// Shows events until somebody or something ends it. While a reader rests, events wait in the ring buffer, which has an
/// end and counts what it has no room for.
async fn follow(
    drops: &mut Drops,
    sink: &mut Sink,
    signals: &mut Signals,
    deadline: Option<Instant>,
) -> Result<()> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !sink.is_done() {
        let wait = async {
            if sink.is_idle() {
                ticks.tick().await;
            } else {
                tokio::time::sleep(WHILE_WRITING).await;
            }
        };
        tokio::select! {
            biased;
            () = signals.received() => break,
            () = until(deadline) => break,
            () = wait => {}
        }
        drops.keep_up()?;
        sink.flush()?;
        if sink.is_idle() {
            sink.show(&drops.events())?;
        }
    }
    Ok(())
}
