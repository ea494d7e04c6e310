//! Refuses to build ctwatch with a kernel object that does not belong to its sources.

use std::path::PathBuf;

#[path = "build/digest.rs"]
mod digest;

fn main() {
    // As cargo says now, not when this was compiled: a tree can be moved.
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=bpf");
    if let Some(root) = digest::repository(&package) {
        for input in digest::SOURCES.iter().chain([&digest::LOCK]) {
            println!("cargo::rerun-if-changed={}", root.join(input).display());
        }
    }
    if let Err(error) = digest::verify(&package) {
        println!("cargo::error={error}");
    }
}
