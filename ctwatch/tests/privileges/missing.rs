//! Users without the capabilities that watching needs.

use super::{Place, is_skipped, said};

/// What `record` says, with these options of `setpriv`.
fn refusal(place: &Place, options: &[&str]) -> String {
    let file = place.directory.path().join("new.db");
    let mut command = place.by_user(options);
    let output = command
        .args(["record", "-d", "10ms", "-f"])
        .arg(&file)
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!file.exists());
    said
}

#[test]
fn an_ordinary_user_is_told_what_is_missing_and_both_ways_out() {
    if is_skipped("an_ordinary_user_is_told_what_is_missing_and_both_ways_out") {
        return;
    }
    let place = Place::new();
    let said = refusal(&place, &[]);
    let program = place.program.display();
    for words in [
        "CAP_NET_ADMIN".to_owned(),
        "missing".to_owned(),
        format!("sudo {program} record"),
        "sudo setcap cap_".to_owned(),
        format!("+ep {program}"),
    ] {
        assert!(said.contains(&words), "no {words}: {said}");
    }
}

#[test]
fn where_neither_sudo_nor_setcap_would_help_neither_is_advised() {
    if is_skipped("where_neither_sudo_nor_setcap_would_help_neither_is_advised") {
        return;
    }
    let said = refusal(&Place::new(), &["--no-new-privs"]);
    assert!(said.contains("CAP_NET_ADMIN"), "{said}");
    assert!(said.contains("AmbientCapabilities="), "{said}");
    assert!(!said.contains("sudo setcap"), "{said}");
}
