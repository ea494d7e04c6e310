//! What users read and programs take: text, JSON, rules. Nothing is computed here.

pub mod rules;
