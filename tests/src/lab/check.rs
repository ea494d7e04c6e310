//! What must hold, and what is said when it does not.

use std::fmt::Debug;

use anyhow::{Result, bail};

/// Fails unless `found` is exactly `expected`.
pub(crate) fn equal<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<()> {
    if found != expected {
        bail!("{what}: {found:?} instead of {expected:?}");
    }
    Ok(())
}

/// Fails unless it holds.
pub(crate) fn holds(what: &str, is: bool) -> Result<()> {
    if !is {
        bail!("not so: {what}");
    }
    Ok(())
}
