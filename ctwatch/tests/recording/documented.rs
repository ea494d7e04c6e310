//! docs/recording.md names everything a recording holds, and its queries work.

use rusqlite::Connection;

use crate::{fixture, round_trip::write};

const DOCUMENT: &str = include_str!("../../../docs/recording.md");

fn database() -> (tempfile::TempDir, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("incident.db");
    write(&path, &fixture::incident());
    (directory, Connection::open(path).unwrap())
}

fn strings(database: &Connection, sql: &str) -> Vec<String> {
    let mut query = database.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn every_table_view_and_column_is_documented() {
    let (_directory, database) = database();
    let names = strings(
        &database,
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
    );
    assert!(names.len() > 20);
    for name in names {
        let about = DOCUMENT
            .split_once(&format!("**{name}**"))
            .unwrap_or_else(|| panic!("{name} is not documented"))
            .1;
        // Up to the next name at the beginning of a line.
        let about = about.split("\n**").next().unwrap();
        for column in strings(
            &database,
            &format!("SELECT name FROM pragma_table_info('{name}')"),
        ) {
            let losses = name == "ledger_losses" && about.contains("the losses of all samples");
            assert!(
                losses || about.contains(&format!("`{column}`")),
                "{name}.{column}"
            );
        }
    }
}

#[test]
fn the_queries_in_the_documentation_find_the_incident() {
    let (_directory, database) = database();
    let queries: Vec<&str> = DOCUMENT
        .split("```sql\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert_eq!(queries.len(), 7);
    for sql in &queries {
        let mut query = database.prepare(sql).unwrap();
        let rows = query.query_map([], |_| Ok(())).unwrap().count();
        assert!(rows > 0, "{sql}");
    }
    let first: (String, u16) = database
        .query_row(queries[0], [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(first, ("tcp".to_owned(), 443));
    let culprit: (String, u16, i64) = database
        .query_row(queries[4], [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!((culprit.0.as_str(), culprit.1), ("tcp", 443));
    assert!(culprit.2 > 1_000);
    let piled: String = database
        .query_row(queries[2], [], |row| row.get(0))
        .unwrap();
    assert_eq!(piled, "CLOSE_WAIT");
}
