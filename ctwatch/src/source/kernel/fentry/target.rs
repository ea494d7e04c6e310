//! The function that a program goes to, as the kernel wants it named: by its id in the type information of its module.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use super::{Error, bpf};
use crate::source::kernel::{btf::Btf, hooks::Hook, kallsyms::Kallsyms};

/// Where functions are looked up.
pub(super) struct Targets<'a> {
    kallsyms: &'a Kallsyms,
    vmlinux: &'a Btf,
    modules: BTreeMap<String, Module>,
}

/// A module's type information, read and as an object of the kernel.
struct Module {
    btf: Btf,
    fd: OwnedFd,
}

/// A function.
pub(super) struct Target<'a> {
    pub(super) function: u32,
    pub(super) module: Option<BorrowedFd<'a>>,
}

impl<'a> Targets<'a> {
    pub(super) fn new(kallsyms: &'a Kallsyms, vmlinux: &'a Btf) -> Self {
        Self {
            kallsyms,
            vmlinux,
            modules: BTreeMap::new(),
        }
    }

    /// Looks up the function of a hook.
    pub(super) fn find(&mut self, hook: &Hook) -> Result<Target<'_>, Error> {
        let module = one(self.kallsyms, &hook.symbol)?;
        let missing = |btf: &Btf| Error::NoType {
            function: hook.symbol.clone(),
            file: btf.path().to_owned(),
        };
        let Some(name) = module else {
            let function = self.vmlinux.function(&hook.symbol);
            return Ok(Target {
                function: function.ok_or_else(|| missing(self.vmlinux))?,
                module: None,
            });
        };
        if !self.modules.contains_key(name) {
            let module = Module::open(name, self.vmlinux)?;
            self.modules.insert(name.to_owned(), module);
        }
        let module = self.modules.get(name).ok_or_else(|| Error::NoModule {
            module: name.to_owned(),
        })?;
        let function = module.btf.function(&hook.symbol);
        Ok(Target {
            function: function.ok_or_else(|| missing(&module.btf))?,
            module: Some(module.fd.as_fd()),
        })
    }
}

/// The module of the one function of that name. The kernel finds a function by its name in the type information, which
/// a form that the compiler made does not have; and Linux before 6.3 takes the first of that name, wherever it is.
fn one<'a>(kallsyms: &'a Kallsyms, symbol: &str) -> Result<Option<&'a str>, Error> {
    let function = symbol.split('.').next().unwrap_or(symbol);
    if function != symbol {
        return Err(Error::Split {
            function: function.to_owned(),
            symbol: symbol.to_owned(),
        });
    }
    let mut named = kallsyms.forms(symbol).filter(|each| each.name == symbol);
    match (named.next(), named.next()) {
        (Some(only), None) => Ok(only.module.as_deref()),
        _ => Err(Error::Ambiguous {
            function: symbol.to_owned(),
        }),
    }
}

impl Module {
    fn open(name: &str, vmlinux: &Btf) -> Result<Self, Error> {
        let btf = Btf::module(name, vmlinux)?;
        match bpf::module_btf(name) {
            Ok(Some(fd)) => Ok(Self { btf, fd }),
            Ok(None) => Err(Error::NoModule {
                module: name.to_owned(),
            }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Error::Denied {
                module: name.to_owned(),
            }),
            Err(reason) => Err(Error::Module {
                module: name.to_owned(),
                reason,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    fn kallsyms(text: &str) -> Kallsyms {
        Kallsyms::parse(text, &["nf_ct_delete", "early_drop"])
    }

    #[test]
    fn a_split_function_is_not_attached_to_and_named() {
        let kallsyms = kallsyms("ffffffffc0a01000 t nf_ct_delete.part.0\t[nf_conntrack]\n");
        let error = one(&kallsyms, "nf_ct_delete.part.0")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("cannot attach to nf_ct_delete by fentry: "),
            "{error}"
        );
        assert!(error.contains("nf_ct_delete.part.0"), "{error}");
    }

    #[test]
    fn of_two_functions_with_one_name_none_is_attached_to() {
        let text = "ffffffffc0a01000 t early_drop\t[nf_conntrack]\n";
        assert_eq!(
            one(&kallsyms(text), "early_drop").unwrap(),
            Some("nf_conntrack")
        );
        let twice = format!("ffffffff81001000 t early_drop\n{text}");
        let error = one(&kallsyms(&twice), "early_drop")
            .unwrap_err()
            .to_string();
        assert!(error.contains("more than one function"), "{error}");
    }
}
