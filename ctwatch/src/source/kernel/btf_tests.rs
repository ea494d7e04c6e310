#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::{any, proptest};

use super::*;

/// `struct s { int a; union { int b; struct t { int c; } d; }; }`
fn small() -> Vec<u8> {
    let strings = b"\0int\0s\0a\0b\0t\0c\0d\0";
    let types: Vec<u32> = vec![
        1,
        KIND_INT << 24,
        4,
        32, // 1: int
        11,
        KIND_STRUCT << 24 | 1,
        4,
        13,
        1,
        0, // 2: struct t
        0,
        KIND_UNION << 24 | 2,
        4,
        9,
        1,
        0,
        15,
        2,
        0, // 3: union
        5,
        KIND_STRUCT << 24 | 2,
        8,
        7,
        1,
        0,
        0,
        3,
        32, // 4: struct s
    ];
    written(&types, strings)
}

fn written(types: &[u32], strings: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let length = u32::try_from(types.len() * 4).unwrap();
    let text = u32::try_from(strings.len()).unwrap();
    for word in [u32::from(MAGIC) | 1 << 16, 24, 0, length, length, text] {
        data.extend(word.to_ne_bytes());
    }
    data.extend(types.iter().flat_map(|word| word.to_ne_bytes()));
    data.extend(strings);
    data
}

/// A module on top of [`small`], whose strings take 17 bytes and whose types 4: a function `s`, whose name is the
/// kernel's, a function `gc`, and twice a function `drop`.
fn module() -> Btf {
    let function = |name| [name, KIND_FUNC << 24, 1];
    let types = [function(5), function(18), function(21), function(21)].concat();
    let base = Btf::parse("base".into(), small()).unwrap();
    let module = Btf::parse("module".into(), written(&types, b"\0gc\0drop\0")).unwrap();
    module.on(&base)
}

#[test]
fn a_modules_types_and_strings_go_on_where_the_kernels_end() {
    let module = module();
    assert_eq!(module.function("s"), Some(5));
    assert_eq!(module.function("gc"), Some(6));
    assert_eq!(module.function("absent"), None);
}

#[test]
fn of_two_functions_with_one_name_neither_is_meant() {
    assert_eq!(module().function("drop"), None);
}

#[test]
fn members_are_found_through_anonymous_unions() {
    let btf = Btf::parse("test".into(), small()).unwrap();
    assert_eq!(btf.offset("s", "a").unwrap(), 0);
    assert_eq!(btf.offset("s", "b").unwrap(), 4);
    assert_eq!(btf.offset("s", "d.c").unwrap(), 4);
    assert_eq!(btf.size("s").unwrap(), 8);
}

#[test]
fn a_missing_member_is_named() {
    let btf = Btf::parse("test".into(), small()).unwrap();
    let error = btf.offset("s", "d.x").unwrap_err().to_string();
    assert!(error.contains("`s.d.x`"), "{error}");
}

#[test]
fn this_machine_knows_its_own_entries() {
    let Ok(btf) = Btf::vmlinux() else {
        eprintln!("skipped: this kernel has no /sys/kernel/btf/vmlinux");
        return;
    };
    assert!(btf.offset("sk_buff", "_nfct").unwrap() > 0);
    assert_eq!(btf.size("nf_conntrack_tuple").unwrap(), 40);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut data in proptest::collection::vec(any::<u8>(), 0..200), graft in any::<bool>()) {
        if graft {
            let mut real = small();
            let at = data.len().min(real.len());
            real[24..].iter_mut().zip(&data[..at]).for_each(|(byte, noise)| *byte ^= noise & 0x11);
            data = real;
        }
        if let Ok(btf) = Btf::parse("noise".into(), data) {
            let _ = btf.offset("s", "d.c");
            let _ = btf.enumerator("e", "x");
        }
    }
}
