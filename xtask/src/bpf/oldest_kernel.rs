//! Instructions that the verifier of the oldest kernel in reach, Linux 5.10, does not know.

use anyhow::{Result, bail};

use super::contents::Contents;

/// `BPF_STX | BPF_ATOMIC` on 4 and on 8 bytes: the one class in which `-Ctarget-cpu=v3` can exceed Linux 5.10.
const ATOMIC: [u8; 2] = [0xc3, 0xdb];
/// `BPF_LD | BPF_IMM | BPF_DW`, whose second half is data.
const LOAD_IMMEDIATE: u8 = 0x18;

/// Refuses atomics other than an addition without a result: `check_xadd` of 5.10 knows no others, and the compiler
/// writes them without a word when the result of an atomic operation is used or its ordering is not relaxed.
pub(super) fn accepts(contents: &Contents) -> Result<()> {
    for (name, section) in contents.sections.iter().filter(|(_, section)| section.code) {
        let mut data = false;
        for (number, instruction) in section.bytes.chunks_exact(8).enumerate() {
            let is_data = data;
            data = !is_data && instruction[0] == LOAD_IMMEDIATE;
            if !is_data && ATOMIC.contains(&instruction[0]) && instruction[4..8] != [0; 4] {
                let function = section.symbol_at(number as u64 * 8).unwrap_or(name);
                bail!(
                    "{function}, instruction {number} of section {name}, is an atomic operation that Linux 5.10 has not \
                     (use a relaxed addition whose result is dropped)"
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
