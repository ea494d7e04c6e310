//! Row ids of namespaces and endpoints, which are written once and referred to after.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use rusqlite::{Transaction, params};

use super::super::words::word;
use crate::model::endpoint::{Endpoint, Netns};

/// Ids handed out so far. They count up from 1.
#[derive(Debug, Default)]
pub(super) struct Ids {
    netns: HashMap<Netns, i64>,
    /// In the order of their ids.
    endpoints: IndexSet<Endpoint, RandomState>,
}

/// How many there were of each at some time.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    netns: i64,
    endpoints: usize,
}

impl Ids {
    /// The id of a namespace; writes its row when it is new.
    pub(super) fn netns(&mut self, tx: &Transaction<'_>, netns: Netns) -> rusqlite::Result<i64> {
        if let Some(id) = self.netns.get(&netns) {
            return Ok(*id);
        }
        let id = next(self.netns.len());
        tx.prepare_cached("INSERT INTO netns (id, cookie, inode) VALUES (?, ?, ?)")?
            .execute(params![id, netns.cookie.cast_signed(), netns.inode])?;
        self.netns.insert(netns, id);
        Ok(id)
    }

    /// The id of an endpoint; writes its row when it is new.
    pub(super) fn endpoint(
        &mut self,
        tx: &Transaction<'_>,
        endpoint: &Endpoint,
    ) -> rusqlite::Result<i64> {
        if let Some(before) = self.endpoints.get_index_of(endpoint) {
            return Ok(next(before));
        }
        let netns = self.netns(tx, endpoint.netns)?;
        let id = next(self.endpoints.len());
        tx.prepare_cached(
            "INSERT INTO endpoint (id, netns_id, family, protocol, role, port, address)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            id,
            netns,
            word(endpoint.family)?,
            endpoint.protocol.to_string(),
            endpoint.role.map(|role| role.as_str()),
            endpoint.port,
            endpoint.address.map(|address| address.to_string()),
        ])?;
        self.endpoints.insert(*endpoint);
        Ok(id)
    }

    /// Where to go back to with [`Ids::take_back`].
    pub(super) fn mark(&self) -> Mark {
        Mark {
            netns: next(self.netns.len()),
            endpoints: self.endpoints.len(),
        }
    }

    /// Forgets ids handed out since `mark`: their rows were rolled back.
    pub(super) fn take_back(&mut self, mark: Mark) {
        self.netns.retain(|_, id| *id < mark.netns);
        self.endpoints.truncate(mark.endpoints);
    }
}

/// The id after `taken` others.
fn next(taken: usize) -> i64 {
    i64::try_from(taken).unwrap_or(i64::MAX - 1) + 1
}
