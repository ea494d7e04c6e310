//! Versions of Linux, and what came with them.

use crate::model::doctor::{Answer, Facts, Finding, Topic};

/// A version of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

impl Version {
    /// From `uname -r`: `6.1.0-56-cloud-amd64`.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        let release = facts.release.value()?;
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// Something that every kernel has from a version on.
pub(super) struct Since {
    pub(super) topic: Topic,
    pub(super) check: &'static str,
    pub(super) version: Version,
    /// The version in words.
    pub(super) name: &'static str,
    /// What it is good for.
    pub(super) with: &'static str,
    /// What is otherwise.
    pub(super) without: &'static str,
}

impl Since {
    pub(super) fn finding(&self, facts: &Facts) -> Finding {
        let finding = |answer, reason: String| {
            Finding::new(self.topic, self.check, answer, reason).needs(self.name)
        };
        let release = facts.release.value().map_or("-", String::as_str);
        match Version::of(facts) {
            None => finding(
                Answer::Unknown,
                "the kernel's version could not be read in /proc/sys/kernel/osrelease".to_owned(),
            )
            .todo("uname -r"),
            Some(version) if version >= self.version => {
                finding(Answer::Yes, format!("{} (this is {release})", self.with))
            }
            Some(_) => finding(Answer::No, format!("{} (this is {release})", self.without)),
        }
    }
}
