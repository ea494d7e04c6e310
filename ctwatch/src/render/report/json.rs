//! The report as one JSON document, described in docs/report.md.

use serde::Serialize;

use crate::analysis::report::Report;

#[derive(Serialize)]
struct Document<'r> {
    schema_version: u32,
    #[serde(flatten)]
    report: &'r Report,
}

/// The document, with a line end.
///
/// # Errors
/// None that a report can cause; serde_json's signature has them.
pub fn json(report: &Report) -> serde_json::Result<String> {
    let document = Document {
        schema_version: 1,
        report,
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}
