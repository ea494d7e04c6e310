#![allow(clippy::unwrap_used)] // A test that cannot make its object has failed.

use object::write::{Object, Relocation, StandardSegment, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

use super::*;

/// A BPF object with one program, which refers to one map, and debug text that carries a path.
pub(in crate::bpf) fn object(code: &[u8], map: &[u8], debug: &str) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let maps = object.add_section(Vec::new(), b"maps".to_vec(), SectionKind::Data);
    let program = object.add_section(
        object.segment_name(StandardSegment::Text).to_vec(),
        b"kprobe".to_vec(),
        SectionKind::Text,
    );
    let text = object.add_section(Vec::new(), b".debug_str".to_vec(), SectionKind::DebugString);
    object.append_section_data(maps, map, 4);
    object.append_section_data(program, code, 8);
    object.append_section_data(text, debug.as_bytes(), 1);
    let mut symbol = |name: &str, section, size: usize, kind| {
        object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: size as u64,
            kind,
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        })
    };
    let inserted = symbol("INSERTED", maps, map.len(), SymbolKind::Data);
    symbol("insert", program, code.len(), SymbolKind::Text);
    let flags = RelocationFlags::Elf {
        r_type: elf::R_BPF_64_64,
    };
    object
        .add_relocation(
            program,
            Relocation {
                offset: 0,
                symbol: inserted,
                addend: 0,
                flags,
            },
        )
        .unwrap();
    object.write().unwrap()
}

#[test]
fn an_object_is_read_as_the_kernel_sees_it() {
    let contents = read(&object(&[0x95; 16], &[1; 28], "/somewhere/main.rs")).unwrap();
    assert_eq!(
        contents.sections.keys().collect::<Vec<_>>(),
        ["kprobe", "maps"]
    );
    let program = &contents.sections["kprobe"];
    assert!(program.code);
    assert_eq!(program.symbol("insert"), Some(&[0x95; 16][..]));
    assert_eq!(program.symbol_at(15), Some("insert"));
    assert_eq!(program.symbol_at(16), None);
    assert_eq!(program.relocations[&0], "INSERTED");
    assert!(!contents.sections["maps"].code);
}

#[test]
fn something_else_than_an_object_is_an_error() {
    assert!(read(b"not an object").is_err());
    assert!(read(&object(&[0x95; 8], &[1; 28], "")[..100]).is_err());
}
