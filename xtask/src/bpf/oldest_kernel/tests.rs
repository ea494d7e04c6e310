#![allow(clippy::unwrap_used)] // A test that cannot make its object has failed.

use super::super::contents::{read, tests::object};
use super::*;

const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];
/// `lock *(u64 *)(r1 + 0) += r2`, and the same with `BPF_FETCH`.
const ADD: [u8; 8] = [0xdb, 0x21, 0, 0, 0, 0, 0, 0];
const FETCH_AND_ADD: [u8; 8] = [0xdb, 0x21, 0, 0, 1, 0, 0, 0];
const LOAD: [u8; 8] = [0x18, 0x01, 0, 0, 0, 0, 0, 0];

fn verdict(code: &[[u8; 8]]) -> Result<()> {
    accepts(&read(&object(&code.concat(), &[0; 28], "")).unwrap())
}

#[test]
fn an_atomic_addition_without_result_is_old() {
    assert!(verdict(&[ADD, EXIT]).is_ok());
}

#[test]
fn an_atomic_with_a_result_is_refused_by_name() {
    let error = verdict(&[EXIT, FETCH_AND_ADD]).unwrap_err().to_string();
    assert!(
        error.starts_with("insert, instruction 1 of section kprobe"),
        "{error}"
    );
}

#[test]
fn the_second_half_of_a_wide_load_is_data() {
    assert!(verdict(&[LOAD, FETCH_AND_ADD, EXIT]).is_ok());
    assert!(verdict(&[LOAD, LOAD, FETCH_AND_ADD]).is_err());
}
