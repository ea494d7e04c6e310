//! Namespaces that are held by a bind mount, as `ip netns add` and container runtimes make them.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::inode_of;

const MOUNTINFO: &str = "/proc/self/mountinfo";
/// Where `ip netns` looks for names.
const NAMED: &str = "/run/netns";

/// One mount of a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) inode: u32,
    pub(super) path: PathBuf,
}

impl Mount {
    /// The name `ip netns` has for it.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.path.strip_prefix(NAMED).ok()?;
        (name.components().count() == 1).then(|| name.to_string_lossy().into_owned())
    }
}

/// The namespace mounts of this process's mount namespace, read again only when mounts changed.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    file: Option<File>,
    known: Vec<Mount>,
}

impl Mounts {
    /// The mounts, and whether they may have changed since the last call.
    pub(super) fn read(&mut self) -> io::Result<(&[Mount], bool)> {
        let changed = match &self.file {
            Some(file) => is_changed(file)?,
            None => true,
        };
        if changed {
            let file = match self.file.take() {
                Some(file) => file,
                None => File::open(MOUNTINFO)?,
            };
            self.known = parse(&text(self.file.insert(file))?);
        }
        Ok((&self.known, changed))
    }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The kernel marks the file when a mount comes or goes (`mounts_poll`), once for each change and reader.
fn is_changed(file: &File) -> io::Result<bool> {
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
    poll(&mut fds, PollTimeout::ZERO)?;
    let [fd] = fds;
    Ok(fd
        .revents()
        .is_some_and(|events| events.intersects(PollFlags::POLLPRI | PollFlags::POLLERR)))
}

/// Lines of `/proc/PID/mountinfo` (proc(5)): the fourth field of a namespace's mount is `net:[INODE]`.
fn parse(mountinfo: &str) -> Vec<Mount> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(3);
            let inode = inode_of(fields.next()?)?;
            let path = unescape(fields.next()?);
            Some(Mount { inode, path })
        })
        .collect()
}

/// Blanks, tabs, line ends and backslashes are written as a backslash and three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut path = String::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        path.push_str(before);
        let digits = escape.get(1..4);
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                path.push(char::from(byte));
                rest = escape.get(4..).unwrap_or_default();
            }
            None => {
                path.push('\\');
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    path.push_str(rest);
    Path::new(&path).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = "\
23 60 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
501 24 0:4 net:[4026532217] /run/netns/blue rw shared:233 - nsfs nsfs rw
502 24 0:4 net:[4026532301] /run/docker/netns/a\\040b rw - nsfs nsfs rw
503 24 0:4 mnt:[4026532302] /run/snapd/ns/x.mnt rw - nsfs nsfs rw
504 24 0:4 net:[what] /run/netns/broken rw - nsfs nsfs rw
short
";

    #[test]
    fn only_network_namespaces_are_taken_and_only_run_netns_names_them() {
        let mounts = parse(RECORDED);
        let seen: Vec<_> = mounts
            .iter()
            .map(|mount| (mount.inode, mount.path.to_string_lossy(), mount.name()))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    4_026_532_217,
                    "/run/netns/blue".into(),
                    Some("blue".to_owned())
                ),
                (4_026_532_301, "/run/docker/netns/a b".into(), None),
            ]
        );
    }

    #[test]
    fn odd_escapes_are_kept_as_they_are() {
        assert_eq!(unescape("/a\\").to_string_lossy(), "/a\\");
        assert_eq!(unescape("/a\\9zé\\134").to_string_lossy(), "/a\\9zé\\");
    }
}
