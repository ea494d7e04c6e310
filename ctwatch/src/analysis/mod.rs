//! What recordings mean. Pure functions of the [`crate::model`]; no input, no output.

pub mod advice;
pub mod ledger;
pub mod occupancy;
pub mod report;
pub mod status;
