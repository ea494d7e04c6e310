//! Records of one family: a run of each part that counted on its own. Runs stay apart until they are added up, which several
//! threads then do beside each other, each for clients of its own.

use super::record::{Record, Tail};

/// All records of a family.
#[derive(Debug)]
pub(super) struct Runs<R> {
    /// What is counted now.
    own: Vec<R>,
    /// What others have counted, sorted by client.
    others: Vec<Vec<R>>,
}

impl<R> Default for Runs<R> {
    fn default() -> Self {
        Self {
            own: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl<R: Record> Runs<R> {
    #[inline]
    pub(super) fn push(&mut self, record: R) {
        self.own.push(record);
    }

    /// Sorts what was counted so far by client.
    pub(super) fn settle(&mut self) {
        R::sort_by_client(&mut self.own);
    }

    /// Takes over another part's, whose tails have other numbers here.
    pub(super) fn append(&mut self, mut other: Self, renumber: impl Fn(Tail) -> Tail) {
        other.settle();
        for mut run in other.others.into_iter().chain([other.own]) {
            for record in &mut run {
                *record = R::new(record.client(), renumber(record.tail()));
            }
            self.others.push(run);
        }
    }

    /// The runs, each sorted by client.
    pub(super) fn into_runs(mut self) -> Vec<Vec<R>> {
        self.settle();
        self.others.push(self.own);
        self.others
    }
}

/// Cuts sorted runs into as many parts as there are runs, so that each client is in one part, and parts are of about one
/// size.
pub(super) fn parts<R: Record>(runs: &[Vec<R>]) -> Vec<Vec<&[R]>> {
    let longest = runs.iter().max_by_key(|run| run.len());
    let mut rest: Vec<&[R]> = runs.iter().map(Vec::as_slice).collect();
    let mut parts = Vec::new();
    for part in 1..runs.len() {
        let at = longest.and_then(|run| run.get(run.len() * part / runs.len()));
        let Some(key) = at.map(|record| record.key()) else {
            break;
        };
        let cut = rest.iter_mut().map(|run| {
            let (before, after) = run.split_at(run.partition_point(|it| it.key() < key));
            *run = after;
            before
        });
        parts.push(cut.collect());
    }
    parts.push(rest);
    parts
}

/// Calls `work` with all records of each client.
pub(super) fn by_client<R: Record>(mut runs: Vec<&[R]>, mut work: impl FnMut(R::Client, &mut [R])) {
    let mut of_client = Vec::new();
    let first = |runs: &[&[R]]| {
        let firsts = runs.iter().filter_map(|run| run.first().copied());
        firsts.min_by_key(|record| record.key())
    };
    while let Some(client) = first(&runs).map(|record| record.client()) {
        of_client.clear();
        for run in &mut runs {
            let end = run.iter().position(|it| it.client() != client);
            let (these, after) = run.split_at(end.unwrap_or(run.len()));
            of_client.extend_from_slice(these);
            *run = after;
        }
        work(client, &mut of_client);
    }
}
