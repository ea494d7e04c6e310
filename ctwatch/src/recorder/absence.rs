//! nf_conntrack unloaded under a recording, and loaded again: noticed without privileges, waited for, attached again.
//!
//! kprobes die with the module that they are on, without a word, and counting would go on at zero. (By fentry the module
//! cannot be unloaded.)

use std::{fs, os::unix::fs::MetadataExt as _};

use jiff::Timestamp;

use crate::{
    model::{gap::Gap, recording::Backend},
    source::keeper::Keeper,
};

const MODULE: &str = "/sys/module/nf_conntrack";

/// Whether the module that probes are on is still there.
#[derive(Debug, Default)]
pub(super) struct Absence {
    /// The directory that stands for it, by its inode: each time it is loaded it has another. `None` where there is
    /// none to look at.
    module: Option<u64>,
    /// When everything was known to be counted, Unix time in milliseconds.
    counted_ms: i64,
    since: Option<Since>,
}

/// The gap that is open.
#[derive(Debug)]
struct Since {
    from_ms: i64,
    /// Why nothing could be attached, if that was tried.
    refused: Option<String>,
}

/// What a sample finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Everything since the sample before was counted.
    There,
    /// The module has gone since then.
    Gone,
    /// It had gone before.
    Away,
}

impl Absence {
    pub(super) fn new(backend: Backend) -> Self {
        Self {
            module: match backend {
                Backend::Kprobe => loaded(),
                Backend::Fentry | Backend::Netlink | Backend::Dump => None,
            },
            ..Self::default()
        }
    }

    /// Looks whether the module is the one that probes are on; `at_ms` is the time of a sample that was just taken.
    pub(super) fn look(&mut self, at_ms: i64) -> Found {
        let now = self.module.and_then(|_| loaded());
        self.found(now, at_ms)
    }

    fn found(&mut self, now: Option<u64>, at_ms: i64) -> Found {
        if self.since.is_some() {
            return Found::Away;
        }
        if self.module == now {
            self.counted_ms = at_ms;
            return Found::There;
        }
        self.since = Some(Since {
            from_ms: self.counted_ms + 1,
            refused: None,
        });
        Found::Gone
    }

    /// Whether nothing is counted.
    pub(super) fn is_away(&self) -> bool {
        self.since.is_some()
    }

    /// When that began, Unix time in milliseconds.
    pub(super) fn since(&self) -> Option<i64> {
        self.since.as_ref().map(|since| since.from_ms)
    }

    /// Attaches again if the module is there; says whether.
    pub(super) fn attach_again(&mut self, keeper: &Keeper) -> bool {
        let (Some(since), Some(module)) = (&mut self.since, loaded()) else {
            return false;
        };
        match keeper.attach_again() {
            Ok(()) => {
                self.module = Some(module);
                true
            }
            Err(error) => {
                since.refused = Some(error.to_string());
                false
            }
        }
    }

    /// The gap, which ends now.
    pub(super) fn end(&mut self) -> Option<Gap> {
        let since = self.since.take()?;
        let mut reason = "nf_conntrack was unloaded, and with it the probes".to_owned();
        if let Some(refused) = since.refused {
            reason.push_str(&format!(
                "; once it was loaded again, they could not be attached at once: {refused}"
            ));
        }
        Some(Gap {
            from_ms: since.from_ms,
            to_ms: Timestamp::now().as_millisecond(),
            reason,
        })
    }
}

fn loaded() -> Option<u64> {
    fs::metadata(MODULE).map(|module| module.ino()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(module: u64) -> Absence {
        Absence {
            module: Some(module),
            ..Absence::default()
        }
    }

    #[test]
    fn a_module_that_is_loaded_anew_is_another_one() {
        let mut absence = on(7);
        assert_eq!(absence.found(Some(7), 1_000), Found::There);
        assert_eq!(absence.found(Some(8), 2_000), Found::Gone);
        assert_eq!(absence.found(Some(8), 3_000), Found::Away);
    }

    #[test]
    fn a_gap_begins_after_the_last_sample_that_counted_everything() {
        let mut absence = on(7);
        absence.found(Some(7), 1_000);
        absence.found(None, 2_000);
        absence.found(None, 3_000);
        let gap = absence.end();
        assert_eq!(gap.map(|gap| gap.from_ms), Some(1_001));
        assert!(!absence.is_away());
    }

    #[test]
    fn where_it_cannot_be_unloaded_it_is_never_away() {
        let mut absence = Absence::new(Backend::Fentry);
        assert_eq!(absence.look(1_000), Found::There);
    }
}
