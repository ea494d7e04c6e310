//! The way to attach by which a run of the scenarios watches: whatever `record` and `drops` would choose, unless the
//! laboratory says another.

use std::env;

/// `kprobe` or `fentry`; set by the guest's script, empty where nothing is asked.
const VARIABLE: &str = "CTWATCH_LAB_SOURCE";

/// What names the source in these options.
const OPTION: &str = "--source";

/// `--source WAY` where the laboratory asks for a way and the scenario gives no source itself.
pub(crate) fn asked(options: &[&str]) -> Vec<String> {
    named(env::var(VARIABLE).ok(), options)
}

fn named(way: Option<String>, options: &[&str]) -> Vec<String> {
    let of_its_own = options.iter().any(|option| option.starts_with(OPTION));
    match way.filter(|way| !way.is_empty() && !of_its_own) {
        Some(way) => vec![OPTION.to_owned(), way],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_gives_a_source_keeps_it() {
        let asked = || Some("fentry".to_owned());
        assert_eq!(named(asked(), &["-v"]), ["--source", "fentry"]);
        assert!(named(asked(), &["--source", "netlink"]).is_empty());
        assert!(named(asked(), &["--source=netlink"]).is_empty());
        assert!(named(Some(String::new()), &[]).is_empty());
        assert!(named(None, &[]).is_empty());
    }
}
