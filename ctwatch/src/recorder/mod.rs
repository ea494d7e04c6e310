//! The recorder: what watches and the kernel's files in, a recording out. [`drops`] is the same without a recording.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nix::unistd::Pid;
use thiserror::Error;

use crate::{
    model::{
        dump::DumpKind,
        event::Wanted,
        ledger::Ledger,
        recording::{Backend, Header},
        sample::Sample,
        unobserved::Figure,
    },
    recording::{self, Writer},
    source::{keeper, privilege},
};

mod absence;
mod cost;
pub mod drops;
mod events;
mod failures;
mod memory;
mod namespaces;
mod settle;
mod watch;
mod watching;

use cost::Cost;
use events::Kept;
use namespaces::News;
use watching::Watching;

pub use watch::{Attached, Source, WatchError};

/// Lifetimes are written this often, and at the end.
const LIFETIMES_EVERY: Duration = Duration::from_secs(30);

/// What to record, and where to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The recording.
    pub path: PathBuf,
    /// Replace an existing recording.
    pub force: bool,
    /// Time between samples.
    pub interval: Duration,
    /// What to watch by.
    pub source: Source,
}

/// Why a recording could not be begun or went no further.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing can be watched.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The recording cannot be written.
    #[error(transparent)]
    Recording(#[from] recording::Error),
    /// The part that keeps capabilities does not do what it should.
    #[error(transparent)]
    Keeper(#[from] keeper::Error),
    /// Capabilities are neither to be had nor to be given up.
    #[error("cannot change the capabilities of this process: {0}")]
    Capabilities(#[from] privilege::CapsError),
    /// No namespace is called so.
    #[error(
        "no network namespace {wanted} on this node (`lsns -t net` lists inode numbers, `ip netns` names)"
    )]
    Netns {
        /// What was asked for.
        wanted: String,
    },
    /// Threads for dumps cannot be started.
    #[error("cannot start a thread to dump the table: {0}")]
    Thread(#[source] io::Error),
}

/// What is known at a sample, for whoever shows progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Time since the start.
    pub elapsed: Duration,
    /// Entries in the fullest table, and its limit.
    pub fill: Option<(u64, u64)>,
    /// Since the start.
    pub inserted: u64,
    /// Since the sample before.
    pub inserted_now: u64,
    /// Time since the sample before.
    pub interval: Duration,
    /// Since the start; `None` where nobody can tell.
    pub refused: Option<u64>,
    /// Since the start, for newcomers and in the background; `None` where nobody can tell.
    pub evicted: Option<u64>,
}

/// A recording under way.
#[derive(Debug)]
pub struct Recorder {
    watching: Watching,
    writer: Writer,
    samples: u64,
    progress: Progress,
    cost: Cost,
    events: Kept,
    lifetimes_written: Instant,
}

/// A finished recording.
#[derive(Debug)]
pub struct Finished {
    /// How events were seen.
    pub backend: Backend,
    /// The books.
    pub ledger: Ledger,
    /// Samples written.
    pub samples: u64,
    /// Events kept in the recording; `None` where the source tells none.
    pub events_kept: Option<u64>,
    /// How long it took.
    pub elapsed: Duration,
    /// What it cannot tell and why.
    pub degraded: Vec<String>,
}

impl Recorder {
    /// Reads the node, begins to watch, creates the recording, takes the first sample and the baseline dump.
    ///
    /// # Errors
    ///
    /// [`Error`]. Nothing has been written when there is nothing to watch by.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        memory::keep_holes_out();
        let check = || recording::check_target(&settings.path, settings.force);
        let (mut watching, node) = Watching::start(
            || check().map_err(Error::from),
            |node| Ok(watch::attach(settings.source, &Wanted::SAMPLE, node)?),
        )?;
        let header = header(settings, &watching);
        let writer = Writer::create(&settings.path, settings.force, &header, &node)?;
        let sample = watching.settled_sample();
        let mut recorder = Self {
            writer,
            samples: 0,
            progress: Progress::default(),
            cost: Cost::new(header.backend, &header.unobserved),
            events: Kept::default(),
            lifetimes_written: watching.started(),
            watching,
        };
        recorder.keep(sample)?;
        recorder.start_dump(DumpKind::Baseline)?;
        Ok(recorder)
    }

    /// Takes a sample: what moved since the one before, and the tables. Dumps that are done are written too,
    /// and the next is begun when it is due.
    ///
    /// # Errors
    ///
    /// When the recording cannot be written; what was written stays readable.
    pub fn sample(&mut self) -> Result<Progress, Error> {
        for news in self.watching.refresh() {
            news.write(&mut self.writer)?;
        }
        for dump in self.watching.watch.dumps() {
            self.write_dump(dump)?;
        }
        let sample = self.watching.sample();
        self.keep(sample)?;
        if self.lifetimes_written.elapsed() >= LIFETIMES_EVERY {
            self.lifetimes_written = Instant::now();
            self.write_lifetimes()?;
        }
        let was_away = self.write_gaps()?;
        // A dump would load the module.
        if !self.watching.is_away() && (was_away || self.watching.watch.is_due()) {
            self.start_dump(DumpKind::Periodic)?;
        }
        Ok(self.progress)
    }

    /// Takes the last dump and the last sample, closes the books and makes the recording one file.
    ///
    /// # Errors
    ///
    /// When the recording cannot be written; what was written stays readable.
    pub fn finish(mut self) -> Result<Finished, Error> {
        for dump in self.watching.watch.wait_dumps() {
            self.write_dump(dump)?;
        }
        let sample = self.watching.sample();
        self.keep(sample)?;
        if !self.watching.is_away() {
            self.start_dump(DumpKind::Final)?;
            for dump in self.watching.watch.wait_dumps() {
                self.write_dump(dump)?;
            }
        }
        let sample = self.watching.settled_sample();
        self.keep(sample)?;
        for gap in self.watching.last_gaps() {
            self.writer.gap(&gap)?;
        }
        self.write_lifetimes()?;
        let ledger = self.watching.ledger();
        self.writer
            .finish(Timestamp::now().as_millisecond(), &ledger)?;
        Ok(Finished {
            backend: self.watching.watch.backend(),
            ledger,
            samples: self.samples,
            events_kept: self
                .watching
                .watch
                .unobserved()
                .told(Figure::Events, self.events.count()),
            elapsed: self.watching.started().elapsed(),
            degraded: self.watching.degraded(),
        })
    }

    /// What sits where.
    #[must_use]
    pub fn attached(&self) -> Attached {
        self.watching.attached()
    }

    /// What is to be told of the source: which it is and why, where it is not the best there is.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.watching.notice()
    }

    /// Asks a command of this process to end that runs as another user, which root may.
    ///
    /// # Errors
    ///
    /// When it is not permitted.
    pub fn end(&self, process: Pid) -> Result<(), Error> {
        Ok(self.watching.keeper.end(process)?)
    }

    fn keep(&mut self, mut sample: Sample) -> Result<(), Error> {
        // After the counters were read: what these tell of is counted, if not in this sample then in the next.
        let events = self.watching.watch.events();
        let events = self.events.admit(events, &mut sample.losses);
        let sample = &sample;
        self.writer.sample(sample)?;
        if !events.is_empty() {
            self.writer.events(&events)?;
        }
        self.samples += 1;
        self.progress.add(sample);
        let lost = self.cost.add(sample);
        (self.progress.refused, self.progress.evicted) = (lost.refused, lost.all_evicted());
        for reason in self.watching.heed(sample)? {
            self.writer.degrade(&reason)?;
        }
        Ok(())
    }

    /// Writes the gaps that have ended; says whether there are any. The books open again at once, before anything is
    /// counted that they would miss.
    fn write_gaps(&mut self) -> Result<bool, Error> {
        let gaps = self.watching.gaps();
        if !gaps.is_empty() {
            let sample = self.watching.settled_sample();
            self.keep(sample)?;
        }
        for gap in &gaps {
            self.writer.gap(gap)?;
        }
        Ok(!gaps.is_empty())
    }

    /// Notes what cannot be told, once.
    fn degrade(&mut self, reason: &str) -> Result<(), Error> {
        if self.watching.namespaces.degrade(reason) {
            self.writer.degrade(reason)?;
        }
        Ok(())
    }

    fn start_dump(&mut self, kind: DumpKind) -> Result<(), Error> {
        let all = self.watching.namespaces.all();
        let started = self.watching.watch.start_dumps(all, kind);
        started.map_err(Error::Thread)
    }

    fn write_lifetimes(&mut self) -> Result<(), Error> {
        let lifetimes = self.watching.watch.lifetimes();
        let pairs = lifetimes.iter().map(|(endpoint, lived)| (endpoint, lived));
        Ok(self.writer.lifetimes(pairs)?)
    }

    fn write_dump(&mut self, dump: watch::Outcome) -> Result<(), Error> {
        match dump {
            Ok(dump) => Ok(self.writer.dump(&dump)?),
            Err(reason) => self.degrade(&reason),
        }
    }
}

fn header(settings: &Settings, watching: &Watching) -> Header {
    let since = watching.started().elapsed().as_millis();
    Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: Timestamp::now().as_millisecond() - i64::try_from(since).unwrap_or_default(),
        interval_ms: u64::try_from(settings.interval.as_millis()).unwrap_or(u64::MAX),
        backend: watching.watch.backend(),
        degraded: watching.degraded(),
        unobserved: watching.watch.unobserved(),
    }
}

impl Progress {
    fn add(&mut self, sample: &Sample) {
        let elapsed = Duration::from_millis(sample.elapsed_ms);
        self.interval = elapsed.saturating_sub(self.elapsed);
        self.elapsed = elapsed;
        self.fill = sample
            .tables
            .iter()
            .filter_map(|table| table.count.zip(table.max))
            .max_by_key(|&(count, _)| count);
        self.inserted_now = sample.all().map(|counters| counters.inserted).sum();
        self.inserted += self.inserted_now;
    }
}
