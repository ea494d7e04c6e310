//! Namespaces and endpoints by their row ids.

use std::collections::HashMap;

use rusqlite::{Connection, Row, types::Type};

use super::super::words::{address_or_null, protocol, variant, variant_or_null};
use crate::model::endpoint::{Endpoint, Netns};

/// What ids stand for.
pub(super) struct Names {
    netns: HashMap<i64, Netns>,
    endpoints: HashMap<i64, Endpoint>,
}

impl Names {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut names = Self {
            netns: HashMap::new(),
            endpoints: HashMap::new(),
        };
        let mut query = connection.prepare("SELECT id, cookie, inode FROM netns")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let netns = Netns {
                cookie: row.get::<_, i64>(1)?.cast_unsigned(),
                inode: row.get(2)?,
            };
            names.netns.insert(row.get(0)?, netns);
        }
        let mut query = connection
            .prepare("SELECT id, netns_id, family, protocol, role, port, address FROM endpoint")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let endpoint = Endpoint {
                netns: names.netns(row, 1)?,
                family: variant(row, 2)?,
                protocol: protocol(row, 3)?,
                role: variant_or_null(row, 4)?,
                port: row.get(5)?,
                address: address_or_null(row, 6)?,
            };
            names.endpoints.insert(row.get(0)?, endpoint);
        }
        Ok(names)
    }

    /// The namespace a column refers to.
    pub(super) fn netns(&self, row: &Row<'_>, column: usize) -> rusqlite::Result<Netns> {
        find(&self.netns, row.get(column)?, column)
    }

    /// The endpoint a column refers to; `None` for NULL.
    pub(super) fn endpoint(
        &self,
        row: &Row<'_>,
        column: usize,
    ) -> rusqlite::Result<Option<Endpoint>> {
        row.get::<_, Option<i64>>(column)?
            .map(|id| find(&self.endpoints, id, column))
            .transpose()
    }
}

fn find<T: Copy>(map: &HashMap<i64, T>, id: i64, column: usize) -> rusqlite::Result<T> {
    map.get(&id).copied().ok_or_else(|| {
        let reason = format!("nothing has the id {id}");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, reason.into())
    })
}
