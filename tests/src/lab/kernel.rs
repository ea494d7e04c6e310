//! Which kernel this is, where what it can do is not to be asked of ctwatch.

use std::fs;

use anyhow::{Context, Result};

/// Whether it is this version or a later one.
pub(crate) fn at_least(major: u32, minor: u32) -> Result<bool> {
    let path = "/proc/sys/kernel/osrelease";
    let release = fs::read_to_string(path).context(path)?;
    let version = version(&release).with_context(|| format!("{path} is {release:?}"))?;
    Ok(version >= (major, minor))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version("6.12.117+deb12-cloud-amd64"), Some((6, 12)));
        assert!(version("5.10.0-46-cloud-amd64") < version("5.14.0"));
        assert_eq!(version("six"), None);
    }
}
