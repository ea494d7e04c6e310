//! The file of a recording being made: claimed, logged beside while it grows, one file at the end.

use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    fcntl::{AT_FDCWD, AtFlags},
    unistd::{AccessFlags, faccessat},
};
use rusqlite::{Connection, OpenFlags};

use super::super::{APPLICATION_ID, COMPANIONS, Error, SCHEMA, USER_VERSION, companion, reader};

/// How long to wait for a reader that is in the way at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements kept prepared.
const STATEMENTS: usize = 32;

/// The path SQLite should open for a recording at `path`, if it may be made there; with `force`, in place of
/// what is there. Looks only: what is written may still meet a reason of its own.
pub(super) fn check(path: &Path, force: bool) -> Result<PathBuf, Error> {
    // Behind a symbolic link: the log lies beside the file that is written.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut action = "create";
    if force {
        if let Ok(metadata) = fs::metadata(&path) {
            reader::require_regular(&path, &metadata)?;
            action = "overwrite";
        }
    } else {
        // A log without its database may be all that is left of somebody's recording.
        for taken in [path.clone(), companion(&path, "-wal")] {
            if fs::symlink_metadata(&taken).is_ok() {
                return Err(Error::Exists { path: taken });
            }
        }
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    // With a dot, a file in the place of the directory is told as such.
    let directory = parent.unwrap_or(Path::new(".")).join(".");
    let needed = AccessFlags::W_OK | AccessFlags::X_OK;
    faccessat(AT_FDCWD, &directory, needed, AtFlags::AT_EACCESS)
        .map_err(|errno| Error::io(action, &path, &errno.into()))?;
    Ok(path)
}

/// Makes an empty file at `path` that is ours alone, and gives the path SQLite should open.
pub(super) fn claim(path: &Path, force: bool) -> Result<PathBuf, Error> {
    let path = check(path, force)?;
    if force {
        remove(&path)?;
    }
    let create = || -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)?;
        // Whatever the umask: recordings are for others to read, and hold nothing secret from them that
        // the node's own files would not.
        file.set_permissions(Permissions::from_mode(0o644))
    };
    create().map_err(|error| Error::io("create", &path, &error))?;
    Ok(path)
}

/// Removes an old recording with what belongs to it.
fn remove(path: &Path) -> Result<(), Error> {
    if let Ok(metadata) = fs::metadata(path) {
        reader::require_regular(path, &metadata)?;
    }
    let companions = COMPANIONS.map(|suffix| companion(path, suffix));
    for old in std::iter::once(path).chain(companions.iter().map(PathBuf::as_path)) {
        match fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("overwrite", old, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes a file that [`claim`] made and that could not be begun. What cannot be removed stays: the error that
/// led here is the one to tell.
pub(super) fn abandon(path: &Path) {
    let _ = remove(path);
}

/// Opens the empty file.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    // Rows are written after those they refer to; looking these up took half the time of writing them.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Says what the file is, and makes tables and views.
pub(super) fn write_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", USER_VERSION)?;
    connection.execute_batch(SCHEMA)
}

/// From here on commits go to a write-ahead log: a killed recorder then leaves whole transactions only.
/// `synchronous = NORMAL` syncs at checkpoints; a power cut may cost the last samples, a kill none.
pub(super) fn begin_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Puts everything into the one file and closes it.
pub(super) fn end_log(connection: Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.close().map_err(|(_, error)| error)
}
