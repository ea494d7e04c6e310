//! `ctwatch report`, as users run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should panic"
)]

#[path = "../fixture/mod.rs"]
mod fixture;
mod hurt;
mod program;
mod refused;
mod shown;
