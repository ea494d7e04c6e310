//! A node with several namespaces.

use ctwatch::{
    analysis::status::{Status, status},
    model::{
        endpoint::Netns,
        node::Namespace,
        table::{KernelStats, Table},
    },
};

pub(crate) const RELEASE: &str = "6.1.0-40-amd64";

pub(crate) fn table(inode: u32, count: u64, stats: [u64; 3]) -> Table {
    let [drop, early_drop, insert_failed] = stats;
    Table {
        netns: netns(inode),
        count: Some(count),
        max: Some(65_536),
        buckets: Some(16_384),
        stats: Some(KernelStats {
            drop,
            early_drop,
            insert_failed,
            ..KernelStats::default()
        }),
    }
}

fn netns(inode: u32) -> Netns {
    Netns {
        cookie: u64::from(inode - 4_026_531_000),
        inode,
    }
}

pub(crate) fn namespace(inode: u32, name: Option<&str>, own: bool) -> Namespace {
    Namespace {
        netns: netns(inode),
        name: name.map(str::to_owned),
        own,
    }
}

/// The own table is half full, `web` is full, three have nothing in them, one cannot be read.
pub(crate) fn node() -> Status {
    let namespaces = [
        namespace(4_026_531_840, None, true),
        namespace(4_026_532_201, Some("web"), false),
        namespace(4_026_532_202, None, false),
        namespace(4_026_532_203, None, false),
        namespace(4_026_532_204, None, false),
        namespace(4_026_532_205, Some("locked"), false),
    ];
    let tables = [
        table(4_026_531_840, 32_768, [0, 0, 3]),
        table(4_026_532_201, 65_536, [572, 19_075, 1]),
        table(4_026_532_202, 0, [0; 3]),
        table(4_026_532_203, 0, [0; 3]),
        table(4_026_532_204, 0, [0; 3]),
        Table {
            count: None,
            stats: None,
            ..table(4_026_532_205, 0, [0; 3])
        },
    ];
    let degraded = vec!["network namespace 4026532205 (locked): cannot be entered".to_owned()];
    status(RELEASE.to_owned(), &namespaces, &tables, degraded)
}

/// A node with its own namespace alone, whose limit is 0.
pub(crate) fn without_limit(release: &str) -> Status {
    let table = Table {
        max: Some(0),
        ..table(4_026_531_840, 1_200, [0; 3])
    };
    let namespaces = [namespace(4_026_531_840, None, true)];
    status(release.to_owned(), &namespaces, &[table], Vec::new())
}
