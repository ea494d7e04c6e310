//! Keys as monitoring asks for them.

use ctwatch::{
    analysis::status::{Key, KeyError, Status},
    render::status::value,
};
use proptest::prelude::*;

use crate::node::{node, without_limit};

fn ask(status: &Status, key: &str) -> Result<String, KeyError> {
    let key: Key = key.parse()?;
    key.value(status).map(value)
}

#[test]
fn each_key_is_one_plain_value() {
    let node = node();
    for (key, expected) in [
        ("count", "32768\n"),
        ("count[]", "32768\n"),
        ("count[own]", "32768\n"),
        ("fill", "50.00\n"),
        ("fill[web]", "100.00\n"),
        ("max[web]", "65536\n"),
        ("refused[web]", "572\n"),
        ("early_drop[4026532201]", "19075\n"),
        ("insert_failed[own]", "3\n"),
        ("max[locked]", "65536\n"),
    ] {
        assert_eq!(ask(&node, key).as_deref(), Ok(expected), "{key}");
    }
}

#[test]
fn a_table_that_lacks_one_entry_is_not_full() {
    let mut node = node();
    for netns in &mut node.namespaces {
        netns.fill = Some(999_999.0 / 1_000_000.0);
    }
    assert_eq!(ask(&node, "fill").as_deref(), Ok("99.99\n"));
}

#[test]
fn what_is_not_known_is_no_value() {
    let node = node();
    let reason = ask(&node, "count[locked]").unwrap_err().to_string();
    assert!(reason.contains("cannot be entered"), "{reason}");
    assert!(ask(&node, "refused[locked]").is_err());
    assert_eq!(
        ask(&node, "count[other]"),
        Err(KeyError::NoNetns("other".to_owned()))
    );
    let unlimited = without_limit("6.1.0-40-amd64");
    assert_eq!(ask(&unlimited, "fill"), Err(KeyError::NoLimit));
    assert_eq!(ask(&unlimited, "max").as_deref(), Ok("0\n"));
    assert_eq!(
        ask(&without_limit("7.2.1"), "fill").as_deref(),
        Ok("100.00\n")
    );
}

#[test]
fn an_unknown_key_is_answered_with_those_that_there_are() {
    for key in ["", "counts", "count[web", "count]", "[own]", "Count"] {
        let reason = ask(&node(), key).unwrap_err().to_string();
        assert!(
            reason.contains("count, max, fill, refused, early_drop, insert_failed"),
            "{key}: {reason}"
        );
    }
}

proptest! {
    #[test]
    fn any_key_ends_in_a_result(key: String) {
        let _ = ask(&node(), &key);
        let _ = ask(&node(), &format!("count[{key}"));
    }
}
