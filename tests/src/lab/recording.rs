//! A recording, read with SQL as a user may.

use std::{collections::BTreeMap, path::Path, rc::Rc};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::{
    check::{equal, holds},
    figures::Figures,
};

/// A recording.
pub(crate) struct Recording {
    db: Connection,
    /// What the recorder said on standard error.
    pub(crate) said: String,
    _dir: Rc<TempDir>,
}

/// Every way in which an entry ends.
pub(crate) const ENDED: &str = "coalesce(expired, 0) + coalesce(evicted, 0) + coalesce(evicted_background, 0) + coalesce(reset, 0) \
     + coalesce(deleted, 0) + netns_gone + other";

/// Of so many entries one may be missed where the kernel does not count misses.
const RARE: i64 = 1000;

impl Recording {
    /// Opens a recording in this directory.
    pub(crate) fn open(path: &Path, dir: Rc<TempDir>, said: String) -> Result<Self> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .with_context(|| format!("cannot read recording {}", path.display()))?;
        Ok(Self {
            db,
            said,
            _dir: dir,
        })
    }

    /// The one number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> Result<i64> {
        self.db
            .query_row(sql, [], |row| row.get(0))
            .with_context(|| sql.to_owned())
    }

    /// A column of `delta`, or several with `+`, summed over the recording where a condition on the columns of
    /// `delta`, `endpoint` and `netns` holds.
    pub(crate) fn sum(&self, what: &str, condition: &str) -> Result<i64> {
        self.number(&format!(
            "SELECT coalesce(sum({what}), 0) FROM delta d \
             LEFT JOIN endpoint e ON e.id = d.endpoint_id \
             LEFT JOIN netns n ON n.id = e.netns_id WHERE {condition}"
        ))
    }

    /// A column of `delta`, or several with `+`, summed for each endpoint of a namespace where the sum is not 0.
    pub(crate) fn by_port(&self, what: &str, netns: u64) -> Result<BTreeMap<String, i64>> {
        let sql = format!(
            "SELECT concat_ws(' ', family, protocol, port, role, address), sum({what}) \
             FROM delta d JOIN endpoint e ON e.id = d.endpoint_id JOIN netns n ON n.id = e.netns_id \
             WHERE n.inode = {netns} GROUP BY 1 HAVING sum({what}) != 0"
        );
        let mut query = self.db.prepare(&sql)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Entries of the last dump in a state where a condition on `endpoint` and `netns` holds.
    pub(crate) fn in_state(&self, state: &str, condition: &str) -> Result<i64> {
        self.number(&format!(
            "SELECT coalesce(sum(s.entries), 0) FROM dump d \
             JOIN dump_endpoint de ON de.dump_id = d.id \
             JOIN endpoint e ON e.id = de.endpoint_id \
             JOIN netns n ON n.id = e.netns_id \
             JOIN dump_state s ON s.dump_endpoint_id = de.id \
             WHERE d.kind = 'final' AND s.state = '{state}' AND {condition}"
        ))
    }

    /// The books of a namespace agree with what the kernel's figures were before and after, nothing was lost,
    /// and the recording's own sums are those of its books.
    pub(crate) fn agrees(&self, netns: u64, before: &Figures, after: &Figures) -> Result<()> {
        self.figures_agree(netns, before, after)?;
        self.lost_nothing()
    }

    fn figures_agree(&self, netns: u64, before: &Figures, after: &Figures) -> Result<()> {
        self.balances(netns, before, after)?;
        let of = format!("n.inode = {netns}");
        for (column, kernel) in [
            ("evicted", "early_drop"),
            ("insert_failed", "insert_failed"),
            ("clash_merged", "clashres"),
        ] {
            let kernel = after.grown(before, kernel)?;
            equal(column, self.sum(column, &of)?, kernel)?;
        }
        let drop = after.grown(before, "drop")?;
        let named = self.sum("refused + coalesce(insert_failed, 0)", &of)?;
        equal("refused + insert_failed against drop", named, drop)
    }

    /// What came into a namespace's table less what left it is by how much its count changed, and the recording's own
    /// sums are those of its books.
    pub(crate) fn balances(&self, netns: u64, before: &Figures, after: &Figures) -> Result<()> {
        let of = format!("n.inode = {netns}");
        let book = |column: &str| {
            self.number(&format!(
                "SELECT {column} FROM ledger_netns l JOIN netns n ON n.id = l.netns_id WHERE {of}"
            ))
        };
        let change = after.count - before.count;
        equal(
            "inserted - ended, by the books",
            book("inserted - ended")?,
            change,
        )?;
        equal("inserted", self.sum("inserted", &of)?, book("inserted")?)?;
        equal("ended", self.sum(ENDED, &of)?, book("ended")?)
    }

    /// The figures agree where no probe was missed. Where some were, the summary says how many, or that this kernel does
    /// not count them, and shows by how much the entries are off, which is no more than that, or than one in
    /// [`RARE`]. How many entries are missing.
    pub(crate) fn agrees_or_tells(
        &self,
        netns: u64,
        before: &Figures,
        after: &Figures,
    ) -> Result<i64> {
        let of =
            format!("ledger_netns l JOIN netns n ON n.id = l.netns_id WHERE n.inode = {netns}");
        let book = |column: &str| self.number(&format!("SELECT {column} FROM {of}"));
        let change = after.count - before.count;
        equal("the books' count_change", book("count_change")?, change)?;
        let missing = change - book("inserted - ended")?;
        let misses = self.probe_misses()?;
        let told = match misses {
            Some(misses) => format!("lost: {misses} probe hits"),
            None => "lost: probe hits unknown".to_owned(),
        };
        println!("{missing} entries missing; {told}");
        let said = self.said.replace(',', "");
        holds(
            &format!("the summary has {told:?}: {said}"),
            said.contains(&told),
        )?;
        if missing == 0 && misses.unwrap_or(0) == 0 {
            self.figures_agree(netns, before, after)?;
            return Ok(0);
        }
        let shown = format!(" {missing:+} ");
        let mut rows = said.lines().filter(|line| line.starts_with("entries"));
        holds(
            &format!("the summary has {shown:?}: {said}"),
            missing == 0 || rows.any(|row| row.contains(&shown)),
        )?;
        let bound = misses.unwrap_or(book("inserted")? / RARE);
        holds(
            &format!("{missing} entries missing are no more than {bound}"),
            missing.abs() <= bound,
        )?;
        Ok(missing)
    }

    /// Probe hits that the kernel says were missed; `None` where it does not count them.
    pub(crate) fn probe_misses(&self) -> Result<Option<i64>> {
        let unknown = self.number("SELECT count(*) FROM sample WHERE probe_misses IS NULL")?;
        let misses = self.lost("coalesce(probe_misses, 0)")?;
        Ok((unknown == 0).then_some(misses))
    }

    /// Nothing was lost, as far as this kernel tells.
    pub(crate) fn lost_nothing(&self) -> Result<()> {
        for column in [
            "coalesce(probe_misses, 0)",
            "coalesce(events_lost, 0)",
            "resynced_inserted",
            "resynced_ended",
            "unattributed",
            "refused_unattributed",
            "cause_lost",
            "cause_raced",
            "unreadable",
            "unpaired",
        ] {
            let lost = self.lost(column)?;
            if lost != 0 {
                bail!("lost: {column} is {lost}");
            }
        }
        Ok(())
    }

    /// A loss, or a sum of losses, over the recording.
    pub(crate) fn lost(&self, columns: &str) -> Result<i64> {
        self.number(&format!("SELECT sum({columns}) FROM sample"))
    }
}
