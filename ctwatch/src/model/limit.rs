//! What `nf_conntrack_max` means.

/// What a table holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many entries.
    Entries(u64),
    /// Any number: 0 before Linux 7.
    Unlimited,
    /// None, every new connection is refused: 0 from Linux 7 on, where it can be set (7.2 does not take it).
    Nothing,
}

impl Limit {
    /// First series in which 0 is a limit like any other.
    const STRICT: u32 = 7;

    /// The meaning of `nf_conntrack_max` on a kernel of this release (`uname -r`); `None` where the release does not
    /// tell.
    #[must_use]
    pub fn of(max: u64, release: &str) -> Option<Self> {
        if max > 0 {
            return Some(Self::Entries(max));
        }
        let series: u32 = release.split('.').next()?.parse().ok()?;
        Some(if series < Self::STRICT {
            Self::Unlimited
        } else {
            Self::Nothing
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_limit_before_linux_7_and_refuses_everything_from_then_on() {
        let of = |max, release| Limit::of(max, release);
        assert_eq!(of(0, "6.18.5-amd64"), Some(Limit::Unlimited));
        assert_eq!(of(0, "7.2.1-cloud-amd64"), Some(Limit::Nothing));
        assert_eq!(of(0, "unknown"), None);
        assert_eq!(of(5, "unknown"), Some(Limit::Entries(5)));
    }
}
