//! What became of a plan.

use serde_json::json;

/// What `apply` did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied {
    /// Rules that were missing and stand now.
    pub added: usize,
    /// Whether an apply waits for its confirmation.
    pub waits: bool,
    /// Seconds until they are taken back; `None` where none was missing.
    pub confirm_within_seconds: Option<f64>,
    /// Who takes them back: `systemd` or `detached`.
    pub guard: Option<&'static str>,
    /// Old entries that were deleted; `None` where that was not asked for.
    pub drained: Option<usize>,
}

/// For people.
#[must_use]
pub fn text(applied: &Applied) -> String {
    let mut text = match (applied.added, applied.confirm_within_seconds) {
        (added, Some(seconds)) => format!(
            "{added} rules stand. They are taken back in {seconds} s, whatever becomes of this session, unless you run\n    \
             ctwatch confirm\nFirst see that you still get in, and that they work: ctwatch verify PLAN\n"
        ),
        (_, None) if applied.waits => {
            "All rules stand already, and wait for ctwatch confirm: nothing was changed.\n"
                .to_owned()
        }
        (_, None) => "All rules stand already: nothing was changed.\n".to_owned(),
    };
    if let Some(drained) = applied.drained {
        text.push_str(&format!("{drained} old entries were deleted.\n"));
    }
    text
}

/// For programs.
///
/// # Errors
/// None that a value can cause; serde's signature has them.
pub fn json(applied: &Applied) -> serde_json::Result<String> {
    let document = json!({
        "schema_version": 1,
        "added": applied.added,
        "waits_for_confirmation": applied.waits,
        "confirm_within_seconds": applied.confirm_within_seconds,
        "guard": applied.guard,
        "drained": applied.drained,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// What `confirm` and `rollback` did, for programs.
///
/// # Errors
/// None that a value can cause; serde's signature has them.
pub fn said(outcome: &str) -> serde_json::Result<String> {
    let document = json!({ "schema_version": 1, "outcome": outcome });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
