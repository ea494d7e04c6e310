//! `ctwatch record`.

use std::{
    ffi::OsString,
    future::pending,
    io::{self, IsTerminal, Write as _},
    path::PathBuf,
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    sys::signal::{Signal as NixSignal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{
    Global, Outcome, Output,
    signals::{Signals, until},
    source::By,
};
use crate::{
    recorder::{Progress, Recorder, Settings},
    render::record as render,
    source::privilege,
};

/// Without `-d` and without a command.
const DEFAULT_DURATION: Duration = Duration::from_secs(60);

/// How long a command is waited for once it was asked to end.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(super) struct Args {
    /// How long to watch: 30s, 5m, 1h30m [default: 60s, or as long as COMMAND runs].
    #[arg(short, long, value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Time between samples.
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    interval: Duration,
    /// Where the recording goes.
    #[arg(short, long, value_name = "FILE", default_value = "ctwatch.db")]
    file: PathBuf,
    /// What to watch by.
    #[arg(long, value_enum, default_value_t)]
    source: By,
    /// Replace an existing recording, its -wal and -shm included.
    #[arg(long)]
    force: bool,
    /// End as soon as a table is full.
    #[arg(long)]
    stop_on_full: bool,
    /// Record while this command runs.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// An interval of 1 ms or more.
fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_millis(1) {
        return Err("the shortest interval is 1ms".to_owned());
    }
    Ok(interval)
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(record(args, global))
}

async fn record(args: &Args, global: &Global) -> Result<Outcome> {
    let settings = Settings {
        path: args.file.clone(),
        force: args.force,
        interval: args.interval,
        source: args.source.into(),
    };
    let mut recorder = Recorder::start(&settings)?;
    // Only from here on is there something to be ended in order: a first dump of a large table can be broken off.
    let mut signals = Signals::new()?;
    if let Some(notice) = recorder.notice() {
        noteln!("ctwatch: {notice}");
    }
    if global.verbose {
        note!("{}", render::attached(&recorder.attached()));
    }
    let mut child = match spawn(&args.command) {
        Ok(child) => child,
        Err(error) => {
            recorder.finish()?;
            return Err(error);
        }
    };
    if let Some(reason) = privilege::lock() {
        log::info!("the recorder stays able to open sockets: {reason}");
    }
    let deadline = deadline(args).map(|after| Instant::now() + after);
    let mut ticks = interval(args.interval);
    // A sample that comes late is not made up for: each carries its time.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut status = None;
    let progress = ProgressLine::new(global);
    loop {
        tokio::select! {
            biased;
            () = signals.received() => break,
            ended = ended(&mut child) => {
                status = Some(ended.context("cannot wait for the command")?);
                break;
            }
            () = until(deadline) => break,
            _ = ticks.tick() => {}
        }
        let now = recorder.sample()?;
        progress.show(&now);
        if args.stop_on_full && is_full(&now) {
            break;
        }
    }
    progress.clear();
    if status.is_none() {
        end(&mut child, &recorder).await;
    }
    let finished = recorder.finish()?;
    if !global.quiet {
        note!("{}", render::summary(&finished, &args.file));
    }
    if global.output == Output::Json {
        writeln!(io::stdout(), "{}", render::json(&finished, &args.file))?;
    }
    Ok(outcome(status))
}

/// How long to watch; `None` is as long as the command runs.
fn deadline(args: &Args) -> Option<Duration> {
    match args.duration {
        None if args.command.is_empty() => Some(DEFAULT_DURATION),
        duration => duration,
    }
}

fn spawn(command: &[OsString]) -> Result<Option<Child>> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(None);
    };
    let child = Command::new(program)
        .args(arguments)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    Ok(Some(child))
}

async fn ended(child: &mut Option<Child>) -> io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => pending().await,
    }
}

fn is_full(progress: &Progress) -> bool {
    progress
        .fill
        .is_some_and(|(count, max)| max != 0 && count >= max)
}

/// The recording is whole even when the command failed; its failure is not hidden.
fn outcome(status: Option<ExitStatus>) -> Outcome {
    match status {
        Some(status) if !status.success() => {
            noteln!("ctwatch: warning: the command ended with {status}; the recording is complete");
            Outcome::Attention
        }
        _ => Outcome::Done,
    }
}

/// Asks a command that still runs to end, and gives it a moment.
async fn end(child: &mut Option<Child>, recorder: &Recorder) {
    let Some(child) = child else { return };
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.map(Pid::from_raw)
        // It may have ended this moment: nothing to do then.
        && kill(pid, NixSignal::SIGTERM) == Err(Errno::EPERM)
        && let Err(error) = recorder.end(pid)
    {
        noteln!("ctwatch: warning: cannot ask the command to end, so it goes on: {error}");
        return;
    }
    let _ = timeout(PATIENCE, child.wait()).await;
}

/// One line on a terminal that is written over and over.
struct ProgressLine {
    shown: bool,
}

impl ProgressLine {
    fn new(global: &Global) -> Self {
        Self {
            shown: !global.quiet && io::stderr().is_terminal(),
        }
    }

    fn show(&self, progress: &Progress) {
        if self.shown {
            note!("\r\x1b[K{}", render::progress(progress));
        }
    }

    fn clear(&self) {
        if self.shown {
            note!("\r\x1b[K");
        }
    }
}
