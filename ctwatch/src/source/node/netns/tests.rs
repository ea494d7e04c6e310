#![allow(
    clippy::unwrap_used,
    reason = "what the test itself set up must be there"
)]

use super::*;

#[test]
fn the_own_namespace_is_seen_first_and_entered_without_privileges() {
    let namespaces = scan().unwrap();
    assert!(namespaces[0].own);
    assert_eq!(namespaces[0].netns, own().unwrap().netns);
    assert!(namespaces[1..].iter().all(|seen| !seen.own));
    let inside = within(&namespaces[0], || own().unwrap().netns).unwrap();
    assert_eq!(inside, namespaces[0].netns);
}

#[test]
fn a_second_scan_sees_the_same() {
    let mut scanner = Scanner::new();
    let first = scanner.scan().unwrap();
    let second = scanner.scan().unwrap();
    assert_eq!(first[0].netns, second[0].netns);
}

#[test]
fn a_namespace_that_no_path_leads_to_is_gone() {
    let gone = Seen {
        netns: Netns {
            cookie: 1,
            inode: 1,
        },
        name: Some("blue".to_owned()),
        own: false,
        paths: vec!["/proc/thread-self/ns/net".into(), "/nowhere".into()],
    };
    let error = within(&gone, || ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot enter network namespace 1 (blue): it is gone"
    );
}

#[test]
fn links_to_other_things_are_no_namespaces() {
    assert_eq!(inode_of("net:[4026531840]"), Some(4_026_531_840));
    for link in [
        "mnt:[4026531840]",
        "net:[x]",
        "net:[99999999999]",
        "net:[1",
        "",
    ] {
        assert_eq!(inode_of(link), None, "{link}");
    }
}
