//! What full tables cost so far, for whoever shows progress.

use std::collections::HashMap;

use crate::{
    analysis::lost::Lost,
    model::{
        counters::Counters, endpoint::Netns, recording::Backend, sample::Sample, table::Table,
        unobserved::Unobserved,
    },
};

/// Connections refused and evicted in all namespaces.
#[derive(Debug)]
pub(super) struct Cost {
    backend: Backend,
    unobserved: Unobserved,
    before: HashMap<Netns, Table>,
    total: Lost,
}

impl Cost {
    /// None yet.
    pub(super) fn new(backend: Backend, unobserved: &Unobserved) -> Self {
        Self {
            backend,
            unobserved: unobserved.clone(),
            before: HashMap::new(),
            total: Lost::default(),
        }
    }

    /// With what this sample shows; by the kernel's own figures where the source does not see all of it.
    pub(super) fn add(&mut self, sample: &Sample) -> Lost {
        let mut all = Counters::default();
        for counters in sample.all() {
            all += *counters;
        }
        let mut lost = Lost::counted(&all, &self.unobserved);
        if !self.backend.sees_whole_tables() {
            let mut kernel = Lost::default();
            for table in &sample.tables {
                if let Some(before) = self.before.insert(table.netns, *table) {
                    kernel = kernel.and(Lost::by_kernel(&before, table));
                }
            }
            lost = lost.or_more(kernel);
        }
        self.total = self.total.and(lost);
        self.total
    }
}
