//! The kernel object that is checked in.

use std::path::Path;

#[path = "../build/digest.rs"]
mod digest;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_kernel_object_belongs_to_its_sources() {
    assert_eq!(digest::verify(package()), Ok(()));
}

#[test]
fn the_kernel_object_holds_no_path_of_the_machine_that_built_it() {
    let object = std::fs::read(package().join(digest::OBJECT)).unwrap_or_default();
    let text = String::from_utf8_lossy(&object);
    let homes = [std::env::var("CARGO_HOME"), std::env::var("HOME")]
        .into_iter()
        .flatten();
    let here = package().to_string_lossy().into_owned();
    let machine = [
        "/home/",
        "/root/",
        "/Users/",
        "/tmp/",
        ".cargo",
        ".rustup",
        "registry/src",
        "/rustlib/",
    ];
    for path in homes
        .chain([here])
        .chain(machine.map(str::to_owned))
        .filter(|path| path.len() > 1)
    {
        assert!(!text.contains(&path), "the object contains {path}");
    }
    for section in [".debug_", ".BTF"] {
        assert!(
            !text.contains(section),
            "the object has a section {section}, which carries paths"
        );
    }
}
