//! What users read and programs take: text, JSON, rules. Nothing is computed here.

<<<<<<< HEAD
mod bars;
mod number;
pub mod paint;
pub mod report;
=======
pub mod record;
>>>>>>> 18b743c (record: watch, sample, dump and write until told to stop)
pub mod rules;
mod table;
