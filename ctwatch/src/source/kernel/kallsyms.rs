//! Where kernel functions are, from /proc/kallsyms. A hook on a symbol that the compiler split is never called,
//! the quietest failure there is, so every hook is looked up here first, split forms included.

use std::{collections::BTreeMap, fs, io};

/// A function as kallsyms lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Name, with any `.part.0`, `.isra.0`, `.constprop.0` or `.cold`.
    pub name: String,
    /// Module, or `None` for the kernel itself.
    pub module: Option<String>,
    /// First address; 0 when the kernel hides addresses (kernel.kptr_restrict).
    pub start: u64,
    /// First address of the next symbol.
    pub end: u64,
}

/// The functions of interest: those whose base name was asked for.
#[derive(Debug, Default)]
pub struct Kallsyms {
    symbols: Vec<Symbol>,
    conntrack_loaded: bool,
}

impl Kallsyms {
    /// Reads /proc/kallsyms, keeping functions whose name up to the first dot is in `names`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn read(names: &[&str]) -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/kallsyms")?, names))
    }

    /// Parses lines `address type name [module]`; others are passed over.
    #[must_use]
    pub fn parse(text: &str, names: &[&str]) -> Self {
        let mut addresses = BTreeMap::new();
        let mut symbols = Vec::new();
        let mut conntrack_loaded = false;
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Ok(address) = u64::from_str_radix(address, 16) else {
                continue;
            };
            if !matches!(kind, "t" | "T" | "w" | "W") {
                continue;
            }
            addresses.insert(address, ());
            conntrack_loaded |= base(name) == "nf_conntrack_in";
            if names.contains(&base(name)) {
                symbols.push(Symbol {
                    name: name.to_owned(),
                    module: words
                        .next()
                        .map(|module| module.trim_matches(['[', ']']).to_owned()),
                    start: address,
                    end: address,
                });
            }
        }
        for symbol in &mut symbols {
            symbol.end = addresses
                .range(symbol.start + 1..)
                .next()
                .map_or(symbol.start, |(&next, ())| next);
        }
        Self {
            symbols,
            conntrack_loaded,
        }
    }

    /// Whether nf_conntrack is in this kernel, as a module or built in.
    #[must_use]
    pub fn conntrack_loaded(&self) -> bool {
        self.conntrack_loaded
    }

    /// The function itself.
    #[must_use]
    pub fn exact(&self, name: &str) -> Option<&Symbol> {
        self.symbols.iter().find(|symbol| symbol.name == name)
    }

    /// The half of a function that `-fpartial-inlining` split off (`name.part.0`), which its callers then call.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&Symbol> {
        self.forms(name)
            .find(|symbol| symbol.name[name.len()..].starts_with(".part."))
    }

    /// The function, or the one form that takes its place and keeps its arguments (`.isra`, `.constprop`).
    #[must_use]
    pub fn callable(&self, name: &str) -> Option<&Symbol> {
        self.exact(name).or_else(|| {
            self.forms(name).find(|symbol| {
                let suffix = &symbol.name[name.len()..];
                suffix.starts_with(".isra.") || suffix.starts_with(".constprop.")
            })
        })
    }

    /// All pieces of a function's text: itself and every split form.
    pub fn forms<'kallsyms>(
        &'kallsyms self,
        name: &str,
    ) -> impl Iterator<Item = &'kallsyms Symbol> {
        self.symbols
            .iter()
            .filter(move |symbol| base(&symbol.name) == name)
    }
}

fn base(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    const DEBIAN_5_10: &str = "\
ffffffffc0a01000 t nf_ct_delete.part.0\t[nf_conntrack]
ffffffffc0a01200 T nf_ct_delete\t[nf_conntrack]
ffffffffc0a01240 t early_drop\t[nf_conntrack]
ffffffffc0a01440 t __nf_conntrack_hash_insert.isra.0\t[nf_conntrack]
ffffffffc0a01450 r early_drop\t[nf_conntrack]
ffffffffc0a09000 T nf_conntrack_in\t[nf_conntrack]
ffffffffc0a0a000 t early_drop.cold\t[nf_conntrack]
not a line
";

    fn read() -> Kallsyms {
        Kallsyms::parse(
            DEBIAN_5_10,
            &["nf_ct_delete", "early_drop", "__nf_conntrack_hash_insert"],
        )
    }

    #[test]
    fn split_functions_are_found() {
        let kallsyms = read();
        assert_eq!(
            kallsyms.part("nf_ct_delete").unwrap().name,
            "nf_ct_delete.part.0"
        );
        assert_eq!(
            kallsyms.exact("nf_ct_delete").unwrap().start,
            0xffff_ffff_c0a0_1200
        );
        assert_eq!(
            kallsyms
                .callable("__nf_conntrack_hash_insert")
                .unwrap()
                .name,
            "__nf_conntrack_hash_insert.isra.0"
        );
        assert!(kallsyms.exact("__nf_conntrack_hash_insert").is_none());
    }

    #[test]
    fn a_function_ends_where_the_next_begins() {
        let kallsyms = read();
        let ends: Vec<_> = kallsyms
            .forms("early_drop")
            .map(|s| s.end - s.start)
            .collect();
        assert_eq!(ends, [0x200, 0]);
    }

    #[test]
    fn conntrack_counts_as_loaded_by_its_entry_point() {
        assert!(read().conntrack_loaded());
        assert!(!Kallsyms::parse("ffffffff81000000 T _stext\n", &[]).conntrack_loaded());
    }
}
