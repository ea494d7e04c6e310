//! `ctwatch status`: what is shown of given tables, and the program on this machine.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its files has failed"
)]

mod keys;
mod live;
mod node;
mod shown;
