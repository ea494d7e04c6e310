//! Whatever a node's files hold, there is a diagnosis: files of a tree are replaced by noise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ctwatch::{analysis::doctor::diagnose, render, source::doctor};
use proptest::{collection::vec, prelude::*};

use crate::tree;

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Text that looks like what is read, and does not.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..80),
        "[0-9]{0,25}".prop_map(String::into_bytes),
        Just(u64::MAX.to_string().into_bytes()),
        "(nf_conntrack|TCP|->|conntrack:|options|net.netfilter.nf_conntrack_max)([ =:,.-]|[0-9a-f]|\n){0,40}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn no_file_makes_it_panic(
        name in prop_oneof![Just("kube-proxy-iptables"), Just("kube-proxy-ipvs"), Just("centos-7")],
        changes in vec((any::<prop::sample::Index>(), noise()), 1..12),
    ) {
        let original = tree(name);
        let copy = tempfile::tempdir().unwrap();
        let all = files(&original);
        for file in &all {
            let to = copy.path().join(file.strip_prefix(&original).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
        for (index, noise) in changes {
            let file = index.get(&all).strip_prefix(&original).unwrap();
            fs::write(copy.path().join(file), noise).unwrap();
        }
        let diagnosis = diagnose(&doctor::read(copy.path()));
        let text = render::doctor::text(&diagnosis, render::paint::Paint::Plain);
        prop_assert!(text.contains("Table") || text.contains("Conntrack"));
        prop_assert!(render::doctor::json(&diagnosis).is_ok());
    }
}
