//! What of a kernel object the kernel gets to see: its loaded sections, what they refer to, and their symbols.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use object::elf::{SHF_ALLOC, SHF_EXECINSTR};
use object::{File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionFlags};

/// A kernel object without what depends on the machine that compiled it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) sections: BTreeMap<String, Section>,
}

/// One section that is loaded.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Section {
    pub(super) code: bool,
    pub(super) bytes: Vec<u8>,
    /// Offset in the section to what is meant there.
    pub(super) relocations: BTreeMap<u64, String>,
    /// The programs, functions, maps and variables in it, with their offset and size.
    pub(super) symbols: BTreeMap<String, (u64, u64)>,
}

impl Section {
    /// The bytes of one symbol.
    pub(super) fn symbol(&self, name: &str) -> Option<&[u8]> {
        let &(offset, size) = self.symbols.get(name)?;
        let start = usize::try_from(offset).ok()?;
        self.bytes
            .get(start..start.checked_add(usize::try_from(size).ok()?)?)
    }

    /// The symbol that covers an offset.
    pub(super) fn symbol_at(&self, at: u64) -> Option<&str> {
        let covers =
            |&(offset, size): &(u64, u64)| (offset..offset.saturating_add(size)).contains(&at);
        self.symbols
            .iter()
            .find(|(_, place)| covers(place))
            .map(|(name, _)| name.as_str())
    }
}

/// Reads an ELF object.
pub(super) fn read(object: &[u8]) -> Result<Contents> {
    let file = File::parse(object).context("not an ELF object")?;
    let mut contents = Contents::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        if sh_flags & u64::from(SHF_ALLOC) == 0 {
            continue;
        }
        let mut relocations = BTreeMap::new();
        for (offset, relocation) in section.relocations() {
            relocations.insert(offset, target(&file, &relocation.target())?);
        }
        let read = Section {
            code: sh_flags & u64::from(SHF_EXECINSTR) != 0,
            bytes: section.data()?.to_vec(),
            relocations,
            symbols: BTreeMap::new(),
        };
        contents.sections.insert(section.name()?.to_owned(), read);
    }
    for symbol in file.symbols().filter(|symbol| symbol.is_global()) {
        let Some(index) = symbol.section_index() else {
            continue;
        };
        if let Some(section) = contents
            .sections
            .get_mut(file.section_by_index(index)?.name()?)
        {
            section
                .symbols
                .insert(symbol.name()?.to_owned(), (symbol.address(), symbol.size()));
        }
    }
    Ok(contents)
}

/// A relocation's target in words that are the same on every machine: the names of local symbols are hashes.
fn target(file: &File<'_>, target: &RelocationTarget) -> Result<String> {
    let RelocationTarget::Symbol(index) = target else {
        return Ok("nothing".to_owned());
    };
    let symbol = file.symbol_by_index(*index)?;
    if symbol.is_global() {
        return Ok(symbol.name()?.to_owned());
    }
    let section = match symbol.section_index() {
        Some(index) => file.section_by_index(index)?.name()?.to_owned(),
        None => "no section".to_owned(),
    };
    Ok(format!("{section}+{}", symbol.address()))
}

#[cfg(test)]
pub(super) mod tests;
