//! Text and JSON.

use ctwatch::render::{
    paint::Paint,
    status::{json, text},
};

use crate::node::{node, without_limit};

#[test]
fn the_fullest_table_comes_first_and_namespaces_with_nothing_in_them_are_one_line() {
    insta::assert_snapshot!(text(&node(), Paint::Plain));
}

#[test]
fn json_has_every_namespace() {
    insta::assert_snapshot!(json(&node()).unwrap());
}

#[test]
fn a_limit_of_zero_is_none_before_linux_7() {
    let status = without_limit("6.18.5-amd64");
    assert!(!status.full);
    insta::assert_snapshot!(text(&status, Paint::Plain));
}

#[test]
fn a_limit_of_zero_refuses_everything_from_linux_7_on() {
    let status = without_limit("7.2.1-amd64");
    assert!(status.full);
    insta::assert_snapshot!(text(&status, Paint::Plain));
}

#[test]
fn a_release_that_cannot_be_read_leaves_a_limit_of_zero_unknown() {
    let status = without_limit("");
    assert_eq!((status.full, status.namespaces[0].full), (false, None));
}
