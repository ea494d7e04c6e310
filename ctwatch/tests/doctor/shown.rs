//! What is said of nodes that were recorded, word for word.

use crate::{faults, json, text};

/// Text with the exit status, and JSON.
fn shown(name: &str) {
    let (text, status) = text(name);
    insta::assert_snapshot!(
        format!("{name}.text"),
        format!("{text}\nexit status {}\n", status.unwrap())
    );
    let json = serde_json::to_string_pretty(&json(name)).unwrap();
    insta::assert_snapshot!(format!("{name}.json"), json);
}

#[test]
fn a_kernel_without_kprobes() {
    shown("without-kprobes");
}

#[test]
fn a_node_where_nothing_is_wrong() {
    shown("debian-6.1");
    assert!(faults(&json("debian-6.1")).is_empty());
}

#[test]
fn the_same_node_as_an_ordinary_user_sees_it() {
    shown("unprivileged");
}
