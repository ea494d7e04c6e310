//! Which scenarios run on which kernels, and by which way to attach.

use std::fmt;

use clap::ValueEnum as _;

use crate::lab::Kernel;

/// A way to attach probes, as `--source` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// kprobes and kretprobes: every kernel.
    Kprobe,
    /// fentry and fexit in a module: from the kernels on whose modules carry BTF.
    Fentry,
}

impl Way {
    /// All of them, in the order in which a table shows them.
    pub(super) const ALL: [Self; 2] = [Self::Kprobe, Self::Fentry];

    /// Whether nf_conntrack of this kernel can be attached to in this way: Debian's 5.10 has no module BTF.
    pub(super) fn exists_on(self, kernel: Kernel) -> bool {
        self == Self::Kprobe || kernel != Kernel::V5_10
    }

    /// `kprobe` or `fentry`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kprobe => "kprobe",
            Self::Fentry => "fentry",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much of the scenarios a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All.
    All,
    /// Those that depend on the way to attach.
    Probes,
    /// Of these, those that matter most.
    Core,
}

/// What one guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guest {
    /// Its kernel.
    pub(super) kernel: Kernel,
    /// How ctwatch attaches there.
    pub(super) way: Way,
    /// How much it runs.
    pub(super) extent: Extent,
}

impl Guest {
    /// Arguments of guest.sh.
    pub(super) fn arguments(&self) -> Vec<String> {
        let only: &[&str] = match self.extent {
            Extent::All => &[],
            Extent::Probes => &["--only", "probes"],
            Extent::Core => &["--only", "core"],
        };
        let words = [self.way.name()].into_iter().chain(only.iter().copied());
        words.map(str::to_owned).collect()
    }
}

/// The oldest kernel by kprobes and the newest by fentry, and the scenarios that matter most the other way round.
pub(super) fn short() -> Vec<Guest> {
    let (old, new) = (Kernel::V6_1, Kernel::V7_2);
    let guest = |kernel, way, extent| Guest {
        kernel,
        way,
        extent,
    };
    vec![
        guest(old, Way::Kprobe, Extent::All),
        guest(new, Way::Fentry, Extent::All),
        guest(old, Way::Fentry, Extent::Core),
        guest(new, Way::Kprobe, Extent::Core),
    ]
}

/// Everything on these kernels by every way that they have. What does not depend on the way runs once a kernel.
pub(super) fn thorough(kernels: &[Kernel]) -> Vec<Guest> {
    let ways = kernels.iter().flat_map(|&kernel| {
        let there = Way::ALL.iter().filter(move |way| way.exists_on(kernel));
        there.map(move |&way| (kernel, way))
    });
    ways.map(|(kernel, way)| Guest {
        kernel,
        way,
        extent: match way {
            Way::Kprobe => Extent::All,
            Way::Fentry => Extent::Probes,
        },
    })
    .collect()
}

/// Every kernel of the laboratory.
pub(super) fn all_kernels() -> &'static [Kernel] {
    Kernel::value_variants()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_has_each_way_once_and_the_rest_once_a_kernel() {
        let guests = thorough(all_kernels());
        for &kernel in all_kernels() {
            let here = || guests.iter().filter(move |guest| guest.kernel == kernel);
            let ways: Vec<Way> = here().map(|guest| guest.way).collect();
            let there = Way::ALL.iter().filter(|way| way.exists_on(kernel));
            assert!(there.eq(&ways), "{kernel}: {ways:?}");
            let whole = here().filter(|guest| guest.extent == Extent::All);
            assert_eq!(whole.count(), 1);
        }
    }

    #[test]
    fn the_guest_is_told_its_way_first() {
        let arguments = |guest: &Guest| guest.arguments().join(" ");
        for (extent, told) in [
            (Extent::All, "fentry"),
            (Extent::Probes, "fentry --only probes"),
            (Extent::Core, "fentry --only core"),
        ] {
            let (kernel, way) = (Kernel::V6_1, Way::Fentry);
            let guest = Guest {
                kernel,
                way,
                extent,
            };
            assert_eq!(arguments(&guest), told);
        }
    }
}
