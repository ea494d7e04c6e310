//! What recordings mean. Pure functions of the [`crate::model`]; no input, no output.

pub mod advice;
pub mod doctor;
pub mod drops;
pub mod inspect;
pub mod ledger;
pub mod lost;
mod memory;
pub mod occupancy;
mod ownership;
pub mod plan;
pub mod proof;
pub mod refused;
pub mod remedies;
pub mod report;
pub mod status;
mod timeout;
pub mod verify;
