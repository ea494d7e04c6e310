//! What watches: probes in the kernel, or netlink. The recorder does not know which of them it has.

use std::{fmt::Debug, io, sync::Arc, time::Instant};

use thiserror::Error;

use crate::{
    model::{
        dropped::Dropped,
        dump::{Dump, DumpKind},
        endpoint::{Endpoint, Netns},
        event::{Event, Wanted},
        lifetime::Lifetimes,
        node::{Address, Node},
        reading::Reading,
        recording::Backend,
        table::Table,
        unobserved::Unobserved,
    },
    source::{
        keeper::{Keeper, Kept},
        kernel::{
            error::AttachError,
            hooks::{By, HookError},
            probes::Probes,
            refusals::Refusals,
        },
        netlink::listener::ListenError,
        node::netns::Seen,
        privilege,
    },
};

mod by_netlink;
mod by_probes;
mod dumps;

use by_netlink::ByNetlink;
use by_probes::ByProbes;

/// Which source is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The best that works.
    #[default]
    Auto,
    /// Probes by fentry and fexit.
    Fentry,
    /// Probes by kprobe and kretprobe.
    Kprobe,
    /// ctnetlink: its events, or where these cannot be had dumps.
    Netlink,
}

/// Why nothing can be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// Not by probes.
    #[error(transparent)]
    Probes(#[from] AttachError),
    /// Not through netlink.
    #[error(transparent)]
    Netlink(#[from] ListenError),
    /// A capability is missing.
    #[error(transparent)]
    Capability(#[from] privilege::Missing),
    /// Netlink is all there is, and does not suffice.
    #[error(
        "{}netlink does not tell one refused connection from another (`ctwatch record` counts them by port, and \
         works here by netlink)",
        probes.as_ref().map(|why| format!("{why}; ")).unwrap_or_default()
    )]
    OneByOne {
        /// Why not by probes.
        probes: Option<Box<AttachError>>,
    },
    /// Neither by probes nor through netlink.
    #[error("{netlink}; nor by probes: {probes}")]
    Neither {
        /// Why not by probes.
        probes: Box<AttachError>,
        /// Why not through netlink.
        netlink: Box<WatchError>,
    },
}

/// Namespaces with what is known of their addresses.
pub(super) type Namespaces = Vec<(Seen, Option<Vec<Address>>)>;

/// A namespace's dump, or why there is none.
pub(super) type Outcome = Result<Dump, String>;

/// What sits where, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// What, and the kernel function, tracepoint or group it is attached to.
    pub places: Vec<(String, String)>,
    /// Memory of all maps together, in bytes.
    pub map_bytes: u64,
}

impl Attached {
    fn add(&mut self, what: &str, place: &str) {
        self.places.push((what.to_owned(), place.to_owned()));
    }
}

/// A way of watching that has begun. Dropping it ends it.
pub(super) trait Watch: Debug {
    /// How events are seen.
    fn backend(&self) -> Backend;

    /// Counters it does not see.
    fn unobserved(&self) -> Unobserved;

    /// What sits where.
    fn attached(&self) -> Attached;

    /// When it began: ages count from then on.
    fn started(&self) -> Instant;

    /// What it cannot tell and why, for people; it may grow.
    fn degraded(&self) -> Vec<String>;

    /// Comes before tables are read that belong to the next [`Watch::read`].
    fn before_tables(&mut self) {}

    /// What moved since the last call; `tables` were read just before.
    fn read(&mut self, tables: &[Table]) -> Reading;

    /// Connections refused and entries evicted since the last call, as far as the source tells them one by one.
    fn events(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// Lifetimes of sampled entries since the start.
    fn lifetimes(&mut self) -> Vec<(Endpoint, Lifetimes)>;

    /// There are these namespaces now.
    fn update(&mut self, _now: Namespaces) {}

    /// Begins to dump these namespaces.
    fn start_dumps(&mut self, namespaces: Namespaces, kind: DumpKind) -> io::Result<()>;

    /// Whether the next round of dumps should begin.
    fn is_due(&self) -> bool;

    /// Dumps that are done.
    fn dumps(&mut self) -> Vec<Outcome>;

    /// The rest of the round under way, waited for.
    fn wait_dumps(&mut self) -> Vec<Outcome>;
}

/// What is attached, which takes capabilities, and does not watch yet, which takes none.
#[derive(Debug)]
pub(super) enum Ready {
    /// Probes count.
    Probes(Box<Probes>),
    /// A listener will, and a kernel program tells what netfilter drops.
    Netlink {
        refusals: Box<Result<Refusals, AttachError>>,
        /// Why it is not the probes that count, where they were wanted.
        probes: Option<AttachError>,
    },
}

/// Attaches what the source asked for needs.
pub(super) fn attach(source: Source, wanted: &Wanted, node: &Node) -> Result<Ready, WatchError> {
    let probes = match probes(source, wanted, node) {
        None => None,
        Some(Ok(probes)) => return Ok(Ready::Probes(Box::new(probes))),
        // No other source has anything to watch then.
        Some(Err(error @ AttachError::Hook(HookError::NotLoaded))) => return Err(error.into()),
        Some(Err(error)) if source == Source::Auto => Some(error),
        Some(Err(error)) => return Err(error.into()),
    };
    match privilege::check(&privilege::NETLINK) {
        Ok(()) => Ok(Ready::Netlink {
            refusals: Box::new(Refusals::attach(node)),
            probes,
        }),
        Err(missing) => Err(neither(probes, missing.into())),
    }
}

/// Attaches probes, if the source is any.
fn probes(source: Source, wanted: &Wanted, node: &Node) -> Option<Result<Probes, AttachError>> {
    let by = |by| Some(Probes::attach(node, wanted, by));
    match source {
        Source::Netlink => None,
        Source::Kprobe => by(By::Kprobe),
        Source::Fentry => by(By::Fentry),
        Source::Auto => match Probes::attach(node, wanted, By::Fentry) {
            // What speaks against fentry says nothing of kprobes, which count the same.
            Err(AttachError::Fentry(error)) => {
                log::info!("watching by kprobes: {error}");
                by(By::Kprobe)
            }
            probes => Some(probes),
        },
    }
}

/// As [`attach`], where nothing but probes will do.
pub(super) fn attach_probes(
    source: Source,
    wanted: &Wanted,
    node: &Node,
) -> Result<Ready, WatchError> {
    let one_by_one = |probes: Option<AttachError>| WatchError::OneByOne {
        probes: probes.map(Box::new),
    };
    match attach(source, wanted, node) {
        Ok(Ready::Netlink { probes, .. }) => Err(one_by_one(probes)),
        Err(WatchError::Probes(error)) if has_netlink(&error) => Err(one_by_one(Some(error))),
        Err(WatchError::Neither { probes, .. }) => Err((*probes).into()),
        ready => ready,
    }
}

/// Whether netlink would have something to watch where probes cannot be attached for this reason.
fn has_netlink(error: &AttachError) -> bool {
    !matches!(error, AttachError::Hook(HookError::NotLoaded))
        && privilege::check(&privilege::NETLINK).is_ok()
}

impl Ready {
    /// Begins to watch; with what to tell of the source where it is not the best there is.
    pub(super) fn watch(
        self,
        keeper: &Arc<Keeper>,
        namespaces: &Namespaces,
    ) -> Result<(Box<dyn Watch>, Option<String>), WatchError> {
        let (refusals, probes) = match self {
            Self::Probes(probes) => {
                return Ok((Box::new(ByProbes::new(*probes, Arc::clone(keeper))), None));
            }
            Self::Netlink { refusals, probes } => (refusals, probes),
        };
        let why = probes
            .as_ref()
            .map_or_else(|| "as asked for".to_owned(), ToString::to_string);
        let watch = ByNetlink::start(*refusals, Arc::clone(keeper), namespaces)
            .map_err(|error| neither(probes, error.into()))?;
        let how = match watch.backend() {
            Backend::Dump => "through dumps alone",
            _ => "through netlink events",
        };
        Ok((Box::new(watch), Some(format!("watching {how}: {why}"))))
    }
}

impl Kept for Ready {
    fn set_addresses(&mut self, netns: Netns, now: &[Address]) -> Result<(), String> {
        let set = match self {
            Self::Probes(probes) => probes.set_addresses(netns, now),
            Self::Netlink { refusals, .. } => match &mut **refusals {
                Ok(refusals) => refusals.set_addresses(netns, now),
                Err(_) => Ok(()),
            },
        };
        set.map_err(|error| error.to_string())
    }

    fn watch_failures(&mut self) -> Result<bool, String> {
        match self {
            Self::Probes(probes) => probes.watch_failures().map_err(|error| error.to_string()),
            Self::Netlink { .. } => Ok(false),
        }
    }

    fn watch_newcomers(&mut self) -> Result<(), String> {
        match self {
            Self::Probes(probes) => probes.watch_newcomers().map_err(|error| error.to_string()),
            Self::Netlink { .. } => Ok(()),
        }
    }

    fn attach_again(&mut self) -> Result<(), String> {
        match self {
            Self::Probes(probes) => probes.attach_again().map_err(|error| error.to_string()),
            Self::Netlink { .. } => Ok(()),
        }
    }

    fn dropped(&mut self) -> Dropped {
        match self {
            Self::Probes(_) => Dropped::default(),
            Self::Netlink { refusals, .. } => {
                let read = refusals.as_mut().as_mut().map(Refusals::read);
                read.unwrap_or_default()
            }
        }
    }
}

/// Whoever lacks capabilities for both is told those that give him the better one.
fn neither(probes: Option<AttachError>, netlink: WatchError) -> WatchError {
    match (probes, netlink) {
        (None, netlink) => netlink,
        (Some(probes @ AttachError::Capability(_)), WatchError::Capability(_)) => probes.into(),
        (Some(probes), netlink) => WatchError::Neither {
            probes: Box::new(probes),
            netlink: Box::new(netlink),
        },
    }
}
