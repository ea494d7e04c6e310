#![allow(clippy::unwrap_used)] // A test that cannot prepare its tree has failed.

use super::*;

const OBJECT: &[u8] = b"\x7fELF object";

/// A repository with a digest that fits it.
fn repository() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for file in [
        "ctwatch-common/Cargo.toml",
        "ctwatch-ebpf/Cargo.toml",
        "ctwatch-ebpf/toolchain.toml",
    ] {
        put(&tree, file, "[x]\n");
    }
    put(&tree, "ctwatch-common/src/lib.rs", "//! Types.\n");
    put(
        &tree,
        "ctwatch-ebpf/src/main.rs",
        "//! Programs.\nfn main() {}\n",
    );
    put(&tree, "ctwatch-ebpf/src/deep/er.rs", "//! Deeper.\n");
    put(&tree, "Cargo.lock", &lock("0.2.1", "1.0.0"));
    let compiled = BTreeSet::from(["aya-ebpf 0.2.1".to_owned()]);
    let text = text(tree.path(), &compiled, OBJECT).unwrap();
    write_file(
        &tree.path().join("ctwatch").join(digest::DIGEST),
        text.as_bytes(),
    )
    .unwrap();
    write_file(&tree.path().join("ctwatch").join(digest::OBJECT), OBJECT).unwrap();
    tree
}

fn lock(aya_ebpf: &str, clap: &str) -> String {
    let package = |name, version| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nchecksum = \"of {name} {version}\"\n\n"
        )
    };
    format!(
        "version = 4\n\n{}{}",
        package("aya-ebpf", aya_ebpf),
        package("clap", clap)
    )
}

fn put(tree: &tempfile::TempDir, file: &str, text: &str) {
    write_file(&tree.path().join(file), text.as_bytes()).unwrap();
}

fn verify(tree: &tempfile::TempDir) -> Result<(), String> {
    digest::verify(&tree.path().join("ctwatch"))
}

/// The error of a tree that was changed, which must name what changed and what to do.
fn refused(tree: &tempfile::TempDir, naming: &str) {
    let error = verify(tree).unwrap_err();
    assert!(error.contains(naming), "{error}");
    assert!(error.contains("`cargo xtask bpf`"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn an_object_belongs_to_the_sources_it_was_recorded_with() {
    assert_eq!(verify(&repository()), Ok(()));
}

#[test]
fn a_changed_source_is_named() {
    let tree = repository();
    put(&tree, "ctwatch-ebpf/src/deep/er.rs", "//! Deeper still.\n");
    refused(&tree, "ctwatch-ebpf/src/deep/er.rs");
}

#[test]
fn a_new_source_is_named() {
    let tree = repository();
    put(&tree, "ctwatch-common/src/new.rs", "//! New.\n");
    refused(&tree, "ctwatch-common/src/new.rs");
}

#[test]
fn a_removed_source_is_named() {
    let tree = repository();
    fs::remove_file(tree.path().join("ctwatch-ebpf/src/deep/er.rs")).unwrap();
    refused(&tree, "ctwatch-ebpf/src/deep/er.rs");
}

#[test]
fn other_pins_ask_for_a_new_object() {
    let tree = repository();
    put(&tree, "ctwatch-ebpf/toolchain.toml", "[y]\n");
    refused(&tree, "ctwatch-ebpf/toolchain.toml");
}

#[test]
fn line_endings_and_editors_files_do_not_matter() {
    let tree = repository();
    put(
        &tree,
        "ctwatch-ebpf/src/main.rs",
        "//! Programs.\r\nfn main() {}\r\n",
    );
    put(&tree, "ctwatch-ebpf/src/.main.rs.swp", "an editor's");
    assert_eq!(verify(&tree), Ok(()));
}

#[test]
fn an_update_that_the_kernel_side_does_not_use_does_not_matter() {
    let tree = repository();
    put(&tree, "Cargo.lock", &lock("0.2.1", "1.0.1"));
    assert_eq!(verify(&tree), Ok(()));
}

#[test]
fn an_update_of_what_the_kernel_side_uses_is_named() {
    let tree = repository();
    put(&tree, "Cargo.lock", &lock("0.2.2", "1.0.0"));
    refused(&tree, "aya-ebpf");
}

#[test]
fn another_object_is_refused_with_and_without_the_sources() {
    let tree = repository();
    put(&tree, "ctwatch/bpf/ctwatch.x86_64.bpf.o", "another");
    refused(&tree, digest::OBJECT);
    fs::remove_dir_all(tree.path().join("ctwatch-ebpf")).unwrap();
    refused(&tree, digest::OBJECT);
}

#[test]
fn a_package_alone_vouches_for_its_object() {
    let tree = repository();
    fs::remove_dir_all(tree.path().join("ctwatch-ebpf")).unwrap();
    fs::remove_file(tree.path().join("Cargo.lock")).unwrap();
    assert_eq!(verify(&tree), Ok(()));
}

#[test]
fn a_missing_object_is_an_error_that_says_what_to_do() {
    let tree = repository();
    fs::remove_file(tree.path().join("ctwatch").join(digest::OBJECT)).unwrap();
    refused(&tree, digest::OBJECT);
}
