//! Whether rules work, port by port.

mod json;
mod text;

pub use json::json;
pub use text::text;

use crate::analysis::verify::Outcome;

/// The word of an outcome.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Proven => "proven",
        Outcome::Unproven => "unproven",
        Outcome::Failed => "failed",
    }
}
