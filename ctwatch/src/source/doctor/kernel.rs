//! What the kernel offers to probes: functions, type information, configuration.

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::GzDecoder;

use super::tree::Tree;
use crate::{
    model::doctor::{
        Told,
        facts::{Config, Function, Kernel},
    },
    source::kernel::{
        btf::Btf,
        hooks::{self, FUNCTIONS},
        kallsyms::Kallsyms,
        layout,
    },
};

/// Functions that tell what is in the kernel, loaded or built in, where modules have no directory in /sys/module.
pub(super) const MARKS: [&str; 3] = [
    "nf_tables_newtable",
    "nft_target_select_ops",
    "ctnetlink_new_conntrack",
];

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// The largest configuration that is read, unpacked.
const CONFIG_LIMIT: u64 = 8 << 20;

/// Also the symbols, for those who look for other functions in them.
pub(super) fn read(tree: &Tree, release: Option<&str>) -> (Kernel, Option<Kallsyms>) {
    let names: Vec<&str> = FUNCTIONS.into_iter().chain(MARKS).collect();
    let text = tree.text("/proc/kallsyms");
    let kallsyms = text.map(|text| Kallsyms::parse(&text, &names));
    let addresses_hidden = kallsyms.value().is_some_and(|kallsyms| {
        let mut starts = FUNCTIONS
            .iter()
            .flat_map(|name| kallsyms.forms(name))
            .map(|form| form.start);
        kallsyms.conntrack_loaded() && starts.all(|start| start == 0)
    });
    let plan = kallsyms
        .value()
        .map(|kallsyms| match hooks::plan(kallsyms) {
            Ok(plan) => Ok(plan.degraded),
            Err(error) => Err(error.to_string()),
        });
    let functions = match &kallsyms {
        Told::Value(kallsyms) => Told::Value(
            FUNCTIONS
                .iter()
                .map(|name| function(kallsyms, name))
                .collect(),
        ),
        Told::Absent => Told::Absent,
        Told::Hidden(reason) => Told::Hidden(reason.clone()),
    };
    let kernel = Kernel {
        functions,
        addresses_hidden,
        plan,
        config: config(tree, release),
        kprobe_device: tree.there("/sys/bus/event_source/devices/kprobe"),
        btf: tree.there(BTF),
        module_btf: tree.there("/sys/kernel/btf/nf_conntrack"),
        layout: tree.is_live().then(resolve),
    };
    let kallsyms = match kallsyms {
        Told::Value(kallsyms) => Some(kallsyms),
        Told::Absent | Told::Hidden(_) => None,
    };
    (kernel, kallsyms)
}

fn resolve() -> Result<(), String> {
    let btf = Btf::vmlinux().map_err(|error| error.to_string())?;
    layout::resolve(&btf)
        .map(drop)
        .map_err(|error| error.to_string())
}

fn function(kallsyms: &Kallsyms, name: &'static str) -> Function {
    let forms: Vec<_> = kallsyms.forms(name).collect();
    let hooked = kallsyms
        .part(name)
        .filter(|_| name == "nf_ct_delete")
        .or_else(|| kallsyms.callable(name));
    Function {
        name,
        module: forms.iter().find_map(|form| form.module.clone()),
        hooked: hooked.map(|symbol| symbol.name.clone()),
        forms: forms.into_iter().map(|form| form.name.clone()).collect(),
    }
}

/// The running kernel's configuration, from the places where distributions leave it.
fn config(tree: &Tree, release: Option<&str>) -> Option<Config> {
    let packed = "/proc/config.gz";
    if let Told::Value(bytes) = tree.bytes(packed) {
        let mut text = String::new();
        let unpacked = GzDecoder::new(bytes.as_slice())
            .take(CONFIG_LIMIT)
            .read_to_string(&mut text);
        if unpacked.is_ok() {
            return Some(parse(packed, &text));
        }
    }
    let release = release?;
    let places = [
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
        format!("/usr/lib/modules/{release}/config"),
    ];
    places
        .iter()
        .find_map(|file| Some(parse(file, tree.text(file).value()?)))
}

fn parse(file: &str, text: &str) -> Config {
    let options: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Config {
        file: file.to_owned(),
        options,
    }
}
