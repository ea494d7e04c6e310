//! The findings as one JSON document, described in docs/doctor.md.

use serde::Serialize;

use crate::model::doctor::Diagnosis;

#[derive(Serialize)]
struct Document<'d> {
    schema_version: u32,
    #[serde(flatten)]
    diagnosis: &'d Diagnosis,
}

/// The document, with a line end.
///
/// # Errors
/// None that a diagnosis can cause; serde_json's signature has them.
pub fn json(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    let document = Document {
        schema_version: 1,
        diagnosis,
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}
