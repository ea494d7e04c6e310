//! Recordings keep what they are given, whatever happens to the recorder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should panic"
)]

mod arbitrary;
mod documented;
#[path = "../fixture/mod.rs"]
mod fixture;
mod killed;
mod round_trip;
mod space;
mod speed;
mod target;
