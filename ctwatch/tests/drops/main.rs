//! `ctwatch drops`: what it prints, what it writes, and what it says when it cannot.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot set up its files has failed"
)]

mod events;
mod program;
mod shown;
mod tshark;
