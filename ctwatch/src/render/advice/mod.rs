//! `ctwatch advise`: text, JSON, and scripts of rules.

mod json;
mod remedies;
mod remedies_text;
mod script;
mod text;
mod title;

pub use json::json;
pub use script::{Program, script};
pub use text::text;
