//! The operator's own way in: ports that SSH daemons and the session ctwatch runs in use on this node.
//!
//! `sudo` strips SSH_CONNECTION, so the session is found through the processes ctwatch descends from.

use std::{
    collections::{BTreeSet, HashSet},
    env, fs,
    io::{self, BufRead, BufReader},
    process,
};

mod tcp;

/// The port an SSH daemon has unless told otherwise, whoever listens on it (systemd may, on its behalf).
const SSH: u16 = 22;
/// More generations than any process has.
const GENERATIONS: usize = 128;

/// The ports, in order. What could not be looked at is added to `unread`.
pub(super) fn read(unread: &mut Vec<String>) -> Vec<u16> {
    let mut ports: BTreeSet<u16> = session_port().into_iter().collect();
    let ancestors = ancestors();
    let (mut listened, mut connected) = (HashSet::new(), HashSet::new());
    let mut tables = vec!["/proc/thread-self/net".to_owned()];
    for daemon in daemons() {
        match sockets_of(daemon) {
            Ok(inodes) if ancestors.contains(&daemon) => connected.extend(inodes),
            Ok(inodes) => listened.extend(inodes),
            Err(error) => unread.push(format!(
                "sockets of sshd ({daemon}): {error} (needs CAP_SYS_PTRACE: run as root)"
            )),
        }
        if namespace_of(&daemon.to_string()) != namespace_of("thread-self") {
            tables.push(format!("/proc/{daemon}/net"));
        }
    }
    for table in tables {
        let is_controlled = |socket: &tcp::Socket| {
            connected.contains(&socket.inode)
                || (socket.is_listening
                    && (socket.local_port == SSH || listened.contains(&socket.inode)))
        };
        for file in ["tcp", "tcp6"] {
            let Ok(file) = fs::File::open(format!("{table}/{file}")) else {
                continue;
            };
            let rows = BufReader::new(file).lines().map_while(Result::ok);
            let sockets = rows.filter_map(|row| tcp::socket(&row));
            ports.extend(
                sockets
                    .filter(is_controlled)
                    .map(|socket| socket.local_port),
            );
        }
    }
    ports.into_iter().collect()
}

/// SSH_CONNECTION holds both ends: client, its port, server, its port.
fn session_port() -> Option<u16> {
    let connection = env::var("SSH_CONNECTION").ok()?;
    connection.split(' ').nth(3)?.parse().ok()
}

/// The processes this one descends from.
fn ancestors() -> Vec<u32> {
    let parent_of = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        parent(&stat).filter(|parent| *parent != 0)
    };
    std::iter::successors(Some(process::id()), parent_of)
        .take(GENERATIONS)
        .collect()
}

/// `PID (name) state parent …` (proc(5)); the name may hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Processes of OpenSSH's daemon: `sshd`, and from 9.8 on `sshd-session` and `sshd-auth`.
fn daemons() -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|process: &u32| {
            fs::read_to_string(format!("/proc/{process}/comm"))
                .is_ok_and(|name| is_daemon(name.trim_end()))
        })
        .collect()
}

fn is_daemon(name: &str) -> bool {
    name == "sshd" || name.starts_with("sshd-")
}

fn namespace_of(process: &str) -> Option<std::path::PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/net")).ok()
}

fn sockets_of(process: u32) -> io::Result<Vec<u64>> {
    let files = fs::read_dir(format!("/proc/{process}/fd"))?;
    Ok(files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter_map(|target| socket_inode(&target.to_string_lossy()))
        .collect())
}

/// The number in `socket:[15213]`.
fn socket_inode(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_hold_blanks_and_parentheses() {
        assert_eq!(parent("4242 (a) (b S 7) S 17 4242 4242 0 -1"), Some(17));
        assert_eq!(parent("4242 (sshd) S 1 4242"), Some(1));
        for broken in ["", "1 (x)", "1 (x) S", "1 (x) S y"] {
            assert_eq!(parent(broken), None, "{broken}");
        }
    }

    #[test]
    fn names_of_the_daemons_processes() {
        assert!(
            ["sshd", "sshd-session", "sshd-auth"]
                .into_iter()
                .all(is_daemon)
        );
        assert!(!["ssh", "sshdx", "bash"].into_iter().any(is_daemon));
    }

    #[test]
    fn only_sockets_have_a_sockets_inode() {
        assert_eq!(socket_inode("socket:[15213]"), Some(15_213));
        assert_eq!(socket_inode("pipe:[15213]"), None);
    }

    #[test]
    fn this_process_descends_from_others() {
        let ancestors = ancestors();
        assert_eq!(ancestors.first(), Some(&process::id()));
    }
}
