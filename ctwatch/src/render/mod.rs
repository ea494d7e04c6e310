//! What users read and programs take: text, JSON, rules. Nothing is computed here.

pub mod advice;
mod bars;
pub mod doctor;
pub mod drops;
mod endpoint;
pub mod inspect;
pub mod man;
mod netns;
mod number;
pub mod paint;
pub mod plan;
pub mod proof;
pub mod record;
pub mod report;
pub mod rules;
pub mod status;
mod table;
pub mod verify;
