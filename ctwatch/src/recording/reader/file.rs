//! Opening a recording without changing anything, wherever it lies.

use std::{
    fmt::Write as _,
    fs::{self, File, Metadata},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::super::{APPLICATION_ID, Error, USER_VERSION, companion};

/// An open database, and the directory of its copy where it had to be copied.
pub(super) struct Opened {
    // Closed before the directory goes: fields drop in order.
    connection: Connection,
    _copy: Option<TempDir>,
}

impl Opened {
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Refuses pipes, sockets, devices and directories, which would hang, or do harm, when opened.
pub(in super::super) fn require_regular(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(Error::NotAFile {
        path: path.to_owned(),
        what,
    })
}

/// Reads the 100 bytes every SQLite database begins with (sqlite.org/fileformat.html, section 1.3).
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::io("read", path, &error);
    require_regular(path, &fs::metadata(path).map_err(failed)?)?;
    let mut head = Vec::with_capacity(100);
    File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut head))
        .map_err(failed)?;
    let not = |reason| {
        Err(Error::NotARecording {
            path: path.to_owned(),
            reason,
        })
    };
    if head.is_empty() {
        return not("it is empty");
    }
    if !head.starts_with(b"SQLite format 3\0") {
        return not("it is no SQLite database");
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map(i32::from_be_bytes)
    };
    match (number(68), number(60)) {
        (Some(APPLICATION_ID), Some(found)) if found > USER_VERSION => Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: USER_VERSION,
        }),
        (Some(APPLICATION_ID), Some(1..=USER_VERSION)) => Ok(()),
        (None, _) | (_, None) => Err(Error::Damaged {
            path: path.to_owned(),
            reason: "it ends within its first 100 bytes".to_owned(),
        }),
        _ => not("it is the SQLite database of another program"),
    }
}

/// Opens for reading. A finished recording is one file and is read as immutable, which needs nothing but
/// permission to read it. One that is running or was cut off has a log beside it: SQLite reads both where it
/// may use the log's index; where it may not, a private copy is read.
pub(super) fn connect(path: &Path) -> Result<Opened, Error> {
    let in_place = |connection| Opened {
        connection,
        _copy: None,
    };
    let failed = |error| Error::sqlite("open", path, &error);
    // A journal is there only if the recorder was killed while it wrote the first or the very last page.
    if is_filled(&companion(path, "-journal")) {
        return copied(path);
    }
    if !is_filled(&companion(path, "-wal")) {
        require_whole(path)?;
        return immutable(path).map(in_place).map_err(failed);
    }
    match logged(path) {
        Ok(connection) => Ok(in_place(connection)),
        Err(_) => copied(path),
    }
}

/// Refuses a file shorter than its header says: SQLite reads the missing part of a page as zeros. One with a log
/// beside it may be short, the log has the rest.
fn require_whole(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::io("read", path, &error);
    let mut head = [0; 32];
    let mut file = File::open(path).map_err(failed)?;
    file.read_exact(&mut head).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    // Offset 16: page size, where 1 stands for 65,536. Offset 28: pages.
    let page_size = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::from_be_bytes([head[28], head[29], head[30], head[31]]);
    let whole = u64::from(pages) * page_size;
    if length < whole {
        return Err(Error::Damaged {
            path: path.to_owned(),
            reason: format!("it has {length} of {whole} bytes"),
        });
    }
    Ok(())
}

fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

const READ: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn immutable(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(uri, "%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, READ | OpenFlags::SQLITE_OPEN_URI)
}

/// Succeeds only if the log could be read as well: SQLite looks at it with the first query.
fn logged(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, READ)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.query_row("SELECT count(*) FROM recording", [], |_| Ok(()))?;
    Ok(connection)
}

/// Reads a copy of the database and its logs, which is ours to repair.
fn copied(path: &Path) -> Result<Opened, Error> {
    let failed = |error| Error::io("copy", path, &error);
    let directory = TempDir::new().map_err(failed)?;
    let copy = directory.path().join("recording.db");
    // The log first: what is checkpointed between the two copies is then in both.
    for suffix in ["-wal", "-journal", ""] {
        let from = companion(path, suffix);
        if suffix.is_empty() || from.exists() {
            fs::copy(&from, companion(&copy, suffix))
                .map_err(|error| Error::io("copy", &from, &error))?;
        }
    }
    let connection = Connection::open_with_flags(
        &copy,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| Error::sqlite("open", path, &error))?;
    Ok(Opened {
        connection,
        _copy: Some(directory),
    })
}
