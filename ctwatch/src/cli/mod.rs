//! Commands: arguments, what they call, exit status. A file a command.

use std::{
    io::{self, IsTerminal, Write as _},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::source::privilege;

/// `eprint!`, that goes on where nobody reads standard error any more: what is under way is not to end for that.
macro_rules! note {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stderr(), $($words)*);
    }};
}

/// `eprintln!`, likewise.
macro_rules! noteln {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod addresses;
mod advise;
mod apply;
mod completions;
mod confirm;
mod doctor;
mod drops;
mod inspect;
mod last_apply;
mod man;
mod new_file;
mod out;
mod record;
mod report;
mod rollback;
mod settings;
mod signals;
mod source;
mod status;
mod verify;

/// Watches Linux connection tracking from inside the kernel: which ports fill the table, who was refused or
/// evicted because of it, and which ports should not be tracked.
#[derive(Parser)]
#[command(name = "ctwatch", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options every command takes.
#[derive(Args)]
struct Global {
    /// How to print results.
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    output: Output,
    /// When to use colours (NO_COLOR is heeded).
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    color: Color,
    /// Print no progress and no summary; warnings and errors still appear.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more: what is attached where, how much memory the maps take.
    #[arg(short, long, global = true)]
    verbose: bool,
}

impl Global {
    /// Whether text on standard output may carry colours.
    fn colored(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        }
    }
}

/// Form of the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document; for streams one object a line.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Subcommand)]
enum Command {
    /// Watch connection tracking and write a recording.
    Record(record::Args),
    /// Show refused and evicted connections one by one.
    Drops(drops::Args),
    /// Say what filled the table, when, and who paid.
    Report(report::Args),
    /// Say which ports should not be tracked, how safe that is and why.
    Advise(advise::Args),
    /// Say what a listing of the table holds (`conntrack -L`, /proc/net/nf_conntrack); tell entries in words.
    Inspect(inspect::Args),
    /// Install what a plan of `advise` names, and take it back again unless `confirm` follows.
    Apply(apply::Args),
    /// Keep what `apply` installed.
    Confirm(confirm::Args),
    /// Take back what the last `apply` installed.
    Rollback(rollback::Args),
    /// Prove that the rules of a plan work.
    Verify(verify::Args),
    /// Installs rules and takes them back at their deadline.
    #[command(hide = true)]
    Guard(apply::GuardArgs),
    /// Print the key figures of the tables, once.
    Status(status::Args),
    /// Say what this kernel and node allow, and what is set wrongly. Changes nothing.
    Doctor(doctor::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Write manual pages, one for each command.
    Man(man::Args),
}

impl Command {
    /// Whether it needs neither a capability nor the network.
    fn reads_files_only(&self) -> bool {
        match self {
            // `man` writes files wherever the user may.
            Self::Record(_) | Self::Drops(_) | Self::Status(_) | Self::Doctor(_) | Self::Man(_) => {
                false
            }
            Self::Advise(args) => !args.is_live(),
            Self::Report(_) | Self::Inspect(_) | Self::Completions(_) => true,
            Self::Apply(_)
            | Self::Confirm(_)
            | Self::Rollback(_)
            | Self::Verify(_)
            | Self::Guard(_) => false,
        }
    }
}

/// Gives up what a command that reads files does not need, before it reads the first. An old kernel is no reason not to
/// read them.
fn confine() {
    let confined = privilege::confine();
    if let Some(reason) = confined.capabilities_kept {
        log::warn!("cannot give up the capabilities that this command does not need: {reason}");
    }
    if let Some(reason) = confined.network_open {
        log::info!("the network, which this command does not need, stays open to it: {reason}");
    }
}

/// As [`confine`], for what only opening files needed.
fn seal() {
    if let Err(reason) = privilege::seal() {
        log::warn!("cannot give up the capabilities that this command does not need: {reason}");
    }
}

/// What a command that did its work says in its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Exit status 0.
    Done,
    /// Exit status 1: done, and something needs attention.
    Attention,
}

/// Parses the arguments, runs the command and gives its exit status: 0 done, 1 done and something needs
/// attention, 2 usage or error.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    show_warnings(cli.global.verbose);
    match run(&cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Attention) => ExitCode::from(1),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            noteln!("ctwatch: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Warnings of the kernel side, and of libraries, go to standard error; with `-v` more than warnings.
fn show_warnings(verbose: bool) {
    let level = if verbose {
        log::LevelFilter::Info
    } else {
        log::LevelFilter::Warn
    };
    env_logger::Builder::new()
        .filter_level(level)
        // Where it cannot raise RLIMIT_MEMLOCK, the error that follows says more.
        .filter_module("aya::sys::bpf", log::LevelFilter::Error)
        .format(|line, record| {
            let level = record.level().as_str().to_lowercase();
            writeln!(line, "ctwatch: {level}: {}", record.args())
        })
        .init();
}

fn run(cli: &Cli) -> Result<Outcome> {
    if cli.command.reads_files_only() {
        confine();
    }
    match &cli.command {
        Command::Record(args) => record::run(args, &cli.global),
        Command::Drops(args) => drops::run(args, &cli.global),
        Command::Report(args) => report::run(args, &cli.global),
        Command::Advise(args) => advise::run(args, &cli.global),
        Command::Inspect(args) => inspect::run(args, &cli.global),
        Command::Apply(args) => apply::run(args, &cli.global),
        Command::Confirm(args) => confirm::run(args, &cli.global),
        Command::Rollback(args) => rollback::run(args, &cli.global),
        Command::Verify(args) => verify::run(args, &cli.global),
        Command::Guard(args) => apply::guard(args),
        Command::Status(args) => status::run(args, &cli.global),
        Command::Doctor(args) => doctor::run(args, &cli.global),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(args) => man::run(args, Cli::command(), &cli.global),
    }
}

/// Puts a whole text on standard output.
fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// Whoever read our output has read enough: no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
