//! What the commands print.

use std::process::Command;

#[test]
fn the_guard_is_not_shown_to_people() {
    let help = Command::new(env!("CARGO_BIN_EXE_ctwatch"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for command in ["apply", "confirm", "rollback", "verify"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert!(!help.contains("guard"), "{help}");
}
