//! Probes count, dumps come beside.

use std::{io, sync::Arc, time::Instant};

use super::{Attached, Namespaces, Outcome, Watch, dumps::Dumps};
use crate::{
    model::{
        dump::DumpKind, endpoint::Endpoint, event::Event, lifetime::Lifetimes, reading::Reading,
        recording::Backend, table::Table, unobserved::Unobserved,
    },
    source::{keeper::Keeper, kernel::probes::Probes},
};

/// Attached probes.
#[derive(Debug)]
pub(super) struct ByProbes {
    probes: Probes,
    dumps: Dumps,
    started: Instant,
}

impl ByProbes {
    pub(super) fn new(mut probes: Probes, keeper: Arc<Keeper>) -> Self {
        // What was counted while the hooks were being attached one by one has no insert or no end to go with.
        probes.begin();
        Self {
            probes,
            dumps: Dumps::new(keeper),
            started: Instant::now(),
        }
    }
}

impl Watch for ByProbes {
    fn backend(&self) -> Backend {
        self.probes.backend()
    }

    fn unobserved(&self) -> Unobserved {
        Unobserved::default()
    }

    fn attached(&self) -> Attached {
        Attached {
            places: self.probes.places(),
            map_bytes: self.probes.map_bytes(),
        }
    }

    fn started(&self) -> Instant {
        self.started
    }

    fn degraded(&self) -> Vec<String> {
        self.probes.degraded().to_vec()
    }

    fn read(&mut self, _tables: &[Table]) -> Reading {
        self.probes.read()
    }

    fn events(&mut self) -> Vec<Event> {
        self.probes.events()
    }

    fn lifetimes(&mut self) -> Vec<(Endpoint, Lifetimes)> {
        self.probes.lifetimes()
    }

    fn start_dumps(&mut self, namespaces: Namespaces, kind: DumpKind) -> io::Result<()> {
        self.dumps.start(namespaces, kind)
    }

    fn is_due(&self) -> bool {
        self.dumps.is_due()
    }

    fn dumps(&mut self) -> Vec<Outcome> {
        self.dumps.finished()
    }

    fn wait_dumps(&mut self) -> Vec<Outcome> {
        self.dumps.wait()
    }
}
