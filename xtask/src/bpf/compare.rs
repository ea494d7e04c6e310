//! Whether two kernel objects are the same to the kernel, and where not.

use std::collections::BTreeSet;

use super::contents::{Contents, Section};

/// Bytes of an instruction.
const INSTRUCTION: usize = 8;

/// One line for each difference, none when code, maps and data are the same.
pub(super) fn differences(checked_in: &Contents, rebuilt: &Contents) -> Vec<String> {
    let names: BTreeSet<_> = checked_in
        .sections
        .keys()
        .chain(rebuilt.sections.keys())
        .collect();
    let mut lines = Vec::new();
    for name in names {
        match (checked_in.sections.get(name), rebuilt.sections.get(name)) {
            (Some(old), Some(new)) => section(name, old, new, &mut lines),
            (Some(_), None) => lines.push(format!("section {name}: gone")),
            (None, _) => lines.push(format!("section {name}: new")),
        }
    }
    lines
}

fn section(name: &str, old: &Section, new: &Section, lines: &mut Vec<String>) {
    if old == new {
        return;
    }
    let before = lines.len();
    let symbols: BTreeSet<_> = old.symbols.keys().chain(new.symbols.keys()).collect();
    for symbol in symbols {
        let line = match (old.symbol(symbol), new.symbol(symbol)) {
            (Some(_), None) => "gone".to_owned(),
            (None, _) => "new".to_owned(),
            (Some(old_bytes), Some(new_bytes)) if old_bytes == new_bytes => continue,
            (Some(old_bytes), Some(new_bytes)) if old.code => code(old_bytes, new_bytes),
            (Some(old_bytes), Some(new_bytes)) => data(name, old_bytes, new_bytes),
        };
        lines.push(format!("section {name}: {symbol}: {line}"));
    }
    for (offset, target) in &old.relocations {
        let rebuilt = new.relocations.get(offset);
        if rebuilt != Some(target) && lines.len() == before {
            let rebuilt = rebuilt.map_or("nothing", String::as_str);
            lines.push(format!(
                "section {name}: byte {offset} refers to {target}, rebuilt to {rebuilt}"
            ));
        }
    }
    if lines.len() == before {
        let (old, new) = (old.bytes.len(), new.bytes.len());
        lines.push(format!(
            "section {name}: differs outside its named parts ({old} bytes, rebuilt {new})"
        ));
    }
}

fn code(old: &[u8], new: &[u8]) -> String {
    let first = old
        .chunks(INSTRUCTION)
        .zip(new.chunks(INSTRUCTION))
        .take_while(|(old, new)| old == new)
        .count();
    format!(
        "{} instructions, rebuilt {}; the first that differs is number {first}",
        old.len() / INSTRUCTION,
        new.len() / INSTRUCTION
    )
}

fn data(section: &str, old: &[u8], new: &[u8]) -> String {
    if section != "maps" {
        return format!("{old:02x?}, rebuilt {new:02x?}");
    }
    format!("{}, rebuilt {}", map(old), map(new))
}

/// The fields of a `bpf_map_def`, as libbpf's legacy `maps` section and aya define them.
fn map(definition: &[u8]) -> String {
    let names = ["type", "key", "value", "entries", "flags", "id", "pinning"];
    let field = |(name, bytes): (&str, &[u8])| {
        let value = bytes
            .iter()
            .rev()
            .fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        format!("{name} {value}")
    };
    names
        .into_iter()
        .zip(definition.chunks(4))
        .map(field)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
