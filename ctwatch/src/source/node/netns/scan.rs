//! Finds the node's network namespaces, again and again at little cost.
//!
//! What holds a namespace is a process or a bind mount. A scan lists processes and looks at those that are new or
//! young: these often move into a namespace that they make. That the others have not moved is checked in full scans,
//! every ten seconds, or so seldom that they take at most 0.2 % of the time.
//! Namespaces that only a thread other than its process's first, an open file or a socket holds are not found.
//!
//! Inode numbers are reused at once, so an inode says which namespace it is only as long as the namespace lived
//! without a break. No file is kept open for that, since it would keep dead namespaces alive. Instead each known
//! inode has a witness that held it when its cookie was read: a process (told from a later one of the same number by
//! the inode of its directory in /proc), or a mount while no mount changed. When the witness no longer holds it,
//! the cookie is read anew.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::DirEntryExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Error, OWN, Seen, cookie, enter, inode_of, mounts::Mounts};
use crate::model::endpoint::Netns;

/// A full scan that took t is repeated after t times this.
const SPACING: u32 = 500;
/// But no sooner than after this.
const FULL_EVERY: Duration = Duration::from_secs(10);
/// So long a process is young.
const YOUNG: Duration = Duration::from_secs(10);

/// Remembers what earlier scans saw.
#[derive(Debug, Default)]
pub struct Scanner {
    mounts: Mounts,
    processes: HashMap<Process, Held>,
    hidden: usize,
    next_full: Option<Instant>,
    known: HashMap<u32, Known>,
}

/// A process: number, and inode of its directory in /proc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Process {
    number: u32,
    inode: u64,
}

/// A process's namespace, and since when it is not looked at in every scan any more.
#[derive(Clone, Copy, Debug)]
struct Held {
    inode: u32,
    settles: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    cookie: u64,
    witness: Witness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witness {
    Own,
    Process(Process),
    Mount,
}

/// What holds one inode at present.
#[derive(Debug, Default)]
struct Holders {
    own: bool,
    name: Option<String>,
    mounts: Vec<PathBuf>,
    /// The lowest-numbered one, usually the longest-lived.
    process: Option<Process>,
    /// The known witness still holds it.
    attested: bool,
}

impl Scanner {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All namespaces that can be seen, the calling thread's own first, the others by inode.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn scan(&mut self) -> Result<Vec<Seen>, Error> {
        let own = read_link(OWN).map_err(Error::Own)?;
        self.read_processes().map_err(Error::Proc)?;
        let holders = self.holders(own).map_err(Error::Proc)?;
        self.known.retain(|inode, _| holders.contains_key(inode));
        let mut namespaces: Vec<Seen> = holders
            .iter()
            .map(|(inode, holders)| self.seen(*inode, holders))
            .collect();
        namespaces.sort_by_key(|seen| (!seen.own, seen.netns.inode));
        self.read_cookies(&mut namespaces, &holders)?;
        Ok(namespaces)
    }

    /// Processes whose namespace the last scans were not allowed to see.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    fn read_processes(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let full = self.next_full.is_none_or(|due| due <= began);
        // Those that the first scan finds may be of any age.
        let young_until = self.next_full.map_or(began, |_| began + YOUNG);
        let mut processes = HashMap::with_capacity(self.processes.len());
        let mut hidden = 0;
        for directory in fs::read_dir("/proc")? {
            let directory = directory?;
            let name = directory.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let process = Process {
                number,
                inode: directory.ino(),
            };
            let known = self.processes.get(&process).copied();
            let settles = known.map_or(young_until, |held| held.settles);
            let settled = known.filter(|_| !full && settles <= began);
            match settled.map_or_else(|| read_link(&process.link()), |held| Ok(held.inode)) {
                Ok(inode) => {
                    processes.insert(process, Held { inode, settles });
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => hidden += 1,
                // It has ended meanwhile.
                Err(_) => {}
            }
        }
        self.processes = processes;
        self.hidden = hidden;
        if full {
            self.next_full = Some(began + (began.elapsed() * SPACING).max(FULL_EVERY));
        }
        Ok(())
    }

    fn holders(&mut self, own: u32) -> io::Result<BTreeMap<u32, Holders>> {
        let mut all: BTreeMap<u32, Holders> = BTreeMap::new();
        let witness = |inode: u32| self.known.get(&inode).map(|known| known.witness);
        let (mounts, remounted) = self.mounts.read()?;
        for mount in mounts {
            let holders = all.entry(mount.inode).or_default();
            holders.name = holders.name.take().or_else(|| mount.name());
            holders.mounts.push(mount.path.clone());
            holders.attested |= !remounted && witness(mount.inode) == Some(Witness::Mount);
        }
        for (process, Held { inode, .. }) in &self.processes {
            let holders = all.entry(*inode).or_default();
            let lowest = holders
                .process
                .map_or(*process, |other| other.min(*process));
            holders.process = Some(lowest);
            holders.attested |= witness(*inode) == Some(Witness::Process(*process));
        }
        let holders = all.entry(own).or_default();
        holders.own = true;
        holders.attested = witness(own) == Some(Witness::Own);
        Ok(all)
    }

    fn seen(&self, inode: u32, holders: &Holders) -> Seen {
        let known = self.known.get(&inode).filter(|_| holders.attested);
        let mut paths = holders.mounts.clone();
        paths.extend(holders.process.map(|process| process.link().into()));
        Seen {
            netns: Netns {
                cookie: known.map_or(0, |known| known.cookie),
                inode,
            },
            name: holders.name.clone(),
            own: holders.own,
            paths,
        }
    }

    /// Asks for the cookies that are not known or no longer attested. Where that is not allowed they stay 0.
    fn read_cookies(
        &mut self,
        namespaces: &mut [Seen],
        holders: &BTreeMap<u32, Holders>,
    ) -> Result<(), Error> {
        let is_asked = |seen: &Seen| {
            holders
                .get(&seen.netns.inode)
                .is_some_and(|it| !it.attested)
        };
        let asked: Vec<Seen> = namespaces
            .iter()
            .filter(|seen| is_asked(seen))
            .cloned()
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let answers = enter::visit(&asked, |_| cookie::current())?;
        for (seen, answer) in namespaces
            .iter_mut()
            .filter(|seen| is_asked(seen))
            .zip(answers)
        {
            let Ok(Ok(cookie)) = answer else {
                self.known.remove(&seen.netns.inode);
                continue;
            };
            seen.netns.cookie = cookie;
            let witness = match holders.get(&seen.netns.inode) {
                Some(Holders { own: true, .. }) => Witness::Own,
                Some(Holders {
                    process: Some(process),
                    ..
                }) => Witness::Process(*process),
                _ => Witness::Mount,
            };
            self.known
                .insert(seen.netns.inode, Known { cookie, witness });
        }
        Ok(())
    }
}

impl Process {
    fn link(self) -> String {
        format!("/proc/{}/ns/net", self.number)
    }
}

fn read_link(path: &str) -> io::Result<u32> {
    let target = fs::read_link(path)?;
    inode_of(&target.to_string_lossy()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
