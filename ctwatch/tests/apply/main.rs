//! `ctwatch apply`, `confirm`, `rollback` and `verify`, in network namespaces of their own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod drained;
mod killed;
mod node;
mod refused;
mod reloaded;
mod shown;
mod systemd;
mod taken_back;
mod verified;
