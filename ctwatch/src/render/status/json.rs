//! The status as one JSON document, described in docs/status.md.

use serde::Serialize;

use crate::analysis::status::Status;

#[derive(Serialize)]
struct Document<'s> {
    schema_version: u32,
    #[serde(flatten)]
    status: &'s Status,
}

/// The document, with a line end.
///
/// # Errors
/// None that a status can cause; serde_json's signature has them.
pub fn json(status: &Status) -> serde_json::Result<String> {
    let document = Document {
        schema_version: 1,
        status,
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}
