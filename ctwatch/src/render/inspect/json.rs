//! The inspection as one JSON document, single entries as an object a line; docs/inspect.md describes both.

use serde::Serialize;

use super::explain;
use crate::analysis::inspect::{Explained, Inspection};

#[derive(Serialize)]
struct Document<'i> {
    schema_version: u32,
    #[serde(flatten)]
    inspection: &'i Inspection,
}

#[derive(Serialize)]
struct Line<'e> {
    schema_version: u32,
    #[serde(flatten)]
    explained: &'e Explained,
    text: String,
}

/// The document, with a line end.
///
/// # Errors
/// None that an inspection can cause; serde_json's signature has them.
pub fn json(inspection: &Inspection) -> serde_json::Result<String> {
    let document = Document {
        schema_version: 1,
        inspection,
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

/// One entry on a line, with its words.
///
/// # Errors
/// As [`json`].
pub fn explained_json(explained: &Explained) -> serde_json::Result<String> {
    let line = Line {
        schema_version: 1,
        explained,
        text: explain(explained),
    };
    serde_json::to_string(&line).map(|text| text + "\n")
}
