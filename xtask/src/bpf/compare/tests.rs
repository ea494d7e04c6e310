#![allow(clippy::unwrap_used)] // A test that cannot make its object has failed.

use super::super::contents::{read, tests::object};
use super::*;

const CODE: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
const MAP: [u8; 28] = [2; 28];

fn compared(code: &[u8], map: &[u8], debug: &str) -> Vec<String> {
    let checked_in = read(&object(&CODE, &MAP, "/here/main.rs")).unwrap();
    differences(&checked_in, &read(&object(code, map, debug)).unwrap())
}

#[test]
fn paths_of_the_machine_are_no_difference() {
    assert_eq!(
        compared(&CODE, &MAP, "/there/elsewhere/main.rs"),
        Vec::<String>::new()
    );
}

#[test]
fn another_instruction_is_named_with_its_program() {
    let mut code = CODE;
    code[12] = 1;
    let lines = compared(&code, &MAP, "");
    assert_eq!(
        lines,
        ["section kprobe: insert: 2 instructions, rebuilt 2; the first that differs is number 1"]
    );
}

#[test]
fn longer_code_is_named_with_its_program() {
    let lines = compared(&[CODE, CODE].concat(), &MAP, "");
    assert_eq!(
        lines,
        ["section kprobe: insert: 2 instructions, rebuilt 4; the first that differs is number 2"]
    );
}

#[test]
fn another_map_definition_is_named() {
    let mut map = MAP;
    map[13] = 9;
    let of = |entries: u32| {
        format!(
            "type {0} key {0} value {0} entries {entries} flags {0} id {0} pinning {0}",
            0x0202_0202
        )
    };
    let lines = compared(&CODE, &map, "");
    assert_eq!(
        lines,
        [format!(
            "section maps: INSERTED: {}, rebuilt {}",
            of(0x0202_0202),
            of(0x0202_0902)
        )]
    );
}

#[test]
fn code_that_refers_to_another_map_is_a_difference() {
    let checked_in = read(&object(&CODE, &MAP, "")).unwrap();
    let mut rebuilt = read(&object(&CODE, &MAP, "")).unwrap();
    rebuilt
        .sections
        .get_mut("kprobe")
        .unwrap()
        .relocations
        .insert(0, "ENDED".to_owned());
    assert_eq!(
        differences(&checked_in, &rebuilt),
        ["section kprobe: byte 0 refers to INSERTED, rebuilt to ENDED"]
    );
}

#[test]
fn sections_come_and_go() {
    let full = read(&object(&CODE, &MAP, "")).unwrap();
    let mut less = read(&object(&CODE, &MAP, "")).unwrap();
    less.sections.remove("maps");
    assert_eq!(differences(&full, &less), ["section maps: gone"]);
    assert_eq!(differences(&less, &full), ["section maps: new"]);
}

#[test]
fn bytes_without_a_name_are_compared_too() {
    let checked_in = read(&object(&CODE, &MAP, "")).unwrap();
    let mut rebuilt = read(&object(&CODE, &MAP, "")).unwrap();
    rebuilt.sections.get_mut("kprobe").unwrap().bytes.push(0);
    let lines = differences(&checked_in, &rebuilt);
    assert_eq!(
        lines,
        ["section kprobe: differs outside its named parts (16 bytes, rebuilt 17)"]
    );
}
