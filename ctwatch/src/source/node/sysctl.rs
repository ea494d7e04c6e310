//! The settings that reports and advice speak of, of the calling thread's network namespace.

use std::{collections::BTreeMap, fs, io, path::Path};

const CONNTRACK: &str = "/proc/sys/net/netfilter";

/// Others by their dotted names. What a kernel does not have is left out: `tcp_tw_recycle` is gone since 4.12, the
/// `vs` ones need IPVS.
const NAMED: [&str; 12] = [
    "net.nf_conntrack_max",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_recycle",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.vs.conn_reuse_mode",
    "net.ipv4.vs.conntrack",
    "net.ipv4.vs.expire_nodest_conn",
    "net.ipv4.vs.expire_quiescent_template",
];

/// The module's parameter, under the name it has on the kernel's command line.
const HASHSIZE: (&str, &str) = (
    "nf_conntrack.hashsize",
    "/sys/module/nf_conntrack/parameters/hashsize",
);

/// Settings by name. What exists and cannot be read is added to `unread`.
pub(super) fn read(unread: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut add = |name: String, path: &Path| match fs::read_to_string(path) {
        Ok(value) => {
            settings.insert(name, value.trim_end().to_owned());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => unread.push(format!("setting {name}: {error}")),
    };
    for name in NAMED {
        add(
            name.to_owned(),
            Path::new(&format!("/proc/sys/{}", name.replace('.', "/"))),
        );
    }
    add(HASHSIZE.0.to_owned(), Path::new(HASHSIZE.1));
    match fs::read_dir(CONNTRACK) {
        Ok(files) => {
            for file in files.flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                if name.starts_with("nf_") && file.file_type().is_ok_and(|kind| kind.is_file()) {
                    add(format!("net.netfilter.{name}"), &file.path());
                }
            }
        }
        Err(error) => unread.push(format!(
            "settings of conntrack in {CONNTRACK}: {error} (is nf_conntrack loaded?)"
        )),
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_under_the_names_sysctl_gives_them() {
        let mut unread = Vec::new();
        let settings = read(&mut unread);
        assert!(
            settings.contains_key("net.ipv4.tcp_fin_timeout"),
            "{settings:?} {unread:?}"
        );
        assert!(settings.keys().all(|name| !name.contains('/')));
        assert!(settings.values().all(|value| !value.ends_with('\n')));
    }
}
