//! What `ctwatch inspect` prints.

mod explain;
mod json;
mod listing;
mod text;

pub use explain::explain;
pub use json::{explained_json, json};
pub use listing::warnings;
pub use text::text;
