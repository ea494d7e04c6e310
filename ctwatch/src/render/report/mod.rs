//! `ctwatch report`: text and JSON.

mod headline;
mod json;
mod ledger;
mod names;
mod reuse;
mod sections;
mod text;
mod victims;

pub use json::json;
pub use text::{Section, text};
