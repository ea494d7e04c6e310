//! What filled the table, when, and who paid.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    ledger,
    occupancy::{self, Occupancy},
};
use crate::model::{
    endpoint::{Endpoint, Netns},
    recording::{Backend, Recording},
    unobserved::Unobserved,
};

mod books;
mod clients;
mod fill;
mod gaps;
mod growth;
mod health;
mod moment;
mod paid;
mod ports;
mod states;
mod told;
mod victims;

pub use books::{Books, ReportedBooks, Verdict};
pub use clients::ClientReport;
pub use fill::{NamespaceReport, TimePoint};
pub use gaps::GapReport;
pub use health::HealthCheck;
pub(super) use health::health_check;
pub use moment::Moment;
pub use paid::Paid;
pub use ports::{PortReport, Quantiles, reused};
pub use states::StateReport;
pub use told::{Told, ToldEnded, ToldLosses};
pub use victims::{Culprit, VictimReport, worst};

/// What to report.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only these namespaces; `None` for all.
    pub netns: Option<Vec<Netns>>,
    /// Only this port in the lists and in the course; what is said of a whole table remains.
    pub port: Option<u16>,
    /// Rows of each list.
    pub top: usize,
    /// Points of each namespace's course.
    pub points: usize,
}

impl Options {
    fn wants_netns(&self, netns: Netns) -> bool {
        self.netns.as_ref().is_none_or(|some| some.contains(&netns))
    }

    fn wants(&self, endpoint: &Endpoint) -> bool {
        self.wants_netns(endpoint.netns) && self.port.is_none_or(|port| port == endpoint.port)
    }
}

/// The whole report. Rates are per second over the recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Where it comes from.
    pub source: Source,
    /// When nothing was watched.
    pub gaps: Vec<GapReport>,
    /// Namespaces, the fullest first.
    pub namespaces: Vec<NamespaceReport>,
    /// The port with most entries in the first of the namespaces, whatever port was asked for.
    pub filled_by: Option<PortReport>,
    /// Ports that lost connections, most first, whatever port was asked for.
    pub paid: Vec<Paid>,
    /// Who was hurt, and by whom: the first [`Options::top`] ports by connections lost, and health checks.
    pub victims: Vec<VictimReport>,
    /// Ports, most entries first: the first [`Options::top`] by entries, by new connections, by what they paid
    /// and by client ports that were reused.
    pub ports: Vec<PortReport>,
    /// States in the last dump of each namespace, most entries first.
    pub states: Vec<StateReport>,
    /// Clients in the last dump of each namespace, most entries first; `None` with a port given, as dumps keep
    /// clients of the whole table.
    pub clients: Option<Vec<ClientReport>>,
    /// What was counted against what the kernel says, and what was lost.
    pub ledger: Books,
}

/// The recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// Host name.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    /// ctwatch's version that recorded.
    pub version: String,
    /// How events were seen.
    pub backend: Backend,
    /// When watching began.
    pub started: Moment,
    /// When it ended in order; `None` when it was cut off.
    pub ended: Option<Moment>,
    /// From then to the last sample.
    pub window_seconds: f64,
    /// Interval between samples.
    pub interval_seconds: f64,
    /// Samples.
    pub samples: usize,
    /// What the recording cannot tell and why.
    pub degraded: Vec<String>,
    /// Counters that its source does not see: they are null everywhere.
    pub unobserved: Unobserved,
}

/// Makes the report.
#[must_use]
pub fn report(recording: &Recording, options: &Options) -> Report {
    let occupancies: BTreeMap<Endpoint, Occupancy> = occupancy::occupancy(recording);
    let ledger = match &recording.ledger {
        Some(ledger) => ledger.clone(),
        None => ledger::ledger(
            &recording.samples,
            &recording.gaps,
            &recording.header.unobserved,
        ),
    };
    let namespaces = fill::namespaces(recording, options);
    let ports = ports::ports(recording, options, &occupancies, &namespaces);
    Report {
        source: source(recording),
        gaps: gaps::gaps(recording),
        filled_by: namespaces
            .first()
            .and_then(|first| ports::fullest(&ports, first)),
        paid: paid::paid(&ports, options.top),
        victims: victims::victims(recording, options),
        ports: ports::shown(ports, options),
        states: states::states(recording, options),
        clients: options
            .port
            .is_none()
            .then(|| clients::clients(recording, options)),
        ledger: books::books(recording, options, &ledger),
        namespaces,
    }
}

/// Namespaces a user means by `text`: a name under /run/netns or an inode number, which several may have had
/// one after the other. Empty when there is none.
#[must_use]
pub fn find_netns(recording: &Recording, text: &str) -> Vec<Netns> {
    let named = recording.node.namespaces.iter();
    let mut found: Vec<Netns> = named
        .filter(|namespace| namespace.name.as_deref() == Some(text))
        .map(|namespace| namespace.netns)
        .collect();
    if let Ok(inode) = text.parse::<u32>() {
        found.extend(
            known_netns(recording)
                .into_iter()
                .filter(|netns| netns.inode == inode),
        );
    }
    found
}

/// Every namespace the recording speaks of, in order.
#[must_use]
pub fn known_netns(recording: &Recording) -> Vec<Netns> {
    let samples = recording.samples.iter();
    let tables = samples.clone().flat_map(|sample| &sample.tables);
    let deltas = samples.flat_map(|sample| &sample.deltas);
    let all = tables
        .map(|table| table.netns)
        .chain(deltas.map(|(endpoint, _)| endpoint.netns))
        .chain(recording.dumps.iter().map(|dump| dump.netns));
    let distinct: std::collections::BTreeSet<Netns> = all.collect();
    distinct.into_iter().collect()
}

fn source(recording: &Recording) -> Source {
    let Recording { header, node, .. } = recording;
    Source {
        hostname: node.hostname.clone(),
        kernel: node.kernel.clone(),
        version: header.version.clone(),
        backend: header.backend,
        started: Moment(header.started_ms),
        ended: recording.ended_ms.map(Moment),
        window_seconds: occupancy::window_seconds(recording),
        interval_seconds: header.interval_ms as f64 / 1_000.0,
        samples: recording.samples.len(),
        degraded: header.degraded.clone(),
        unobserved: header.unobserved.clone(),
    }
}

/// Events per second; `None` for a window without length.
fn per_second(events: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| rounded(events as f64 / seconds))
}

/// To a thousandth: more digits than that are noise in a rate or a duration.
fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

/// The last dump of a namespace.
fn last_dump(recording: &Recording, netns: Netns) -> Option<&crate::model::dump::Dump> {
    recording.dumps.iter().rfind(|dump| dump.netns == netns)
}
