//! `ctwatch report`: text and JSON.

mod headline;
mod json;
mod ledger;
mod names;
mod sections;
mod text;

pub use json::json;
pub use text::{Section, text};
