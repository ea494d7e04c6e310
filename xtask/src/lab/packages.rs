//! What is inside the laboratory: Debian packages, and the few files their scripts would have made.

/// Suites the image is made of.
pub(super) const SUITES: &[&str] = &["bookworm", "bookworm-security"];

/// Packages by name; what they depend on comes along.
///
/// `usr-is-merged` and `mawk` are chosen among alternatives: the others would bring Perl along.
pub(super) const PACKAGES: &[&str] = &[
    "base-files",
    "bash",
    "bind9-dnsutils",
    "bpftool",
    "bpftrace",
    "busybox-static",
    "conntrack",
    "coreutils",
    "curl",
    "dash",
    "debianutils",
    "diffutils",
    "dnsmasq-base",
    "dnsperf",
    "ethtool",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "ipvsadm",
    "jq",
    "kmod",
    "libc-bin",
    "mawk",
    "mount",
    "netbase",
    "nftables",
    "nginx",
    "openssl",
    "procps",
    "python3",
    "sed",
    "sqlite3",
    "strace",
    "systemd",
    "tar",
    "usr-is-merged",
    "util-linux",
    "wrk",
];

/// Links that update-alternatives would make: name, target.
pub(super) const LINKS: &[(&str, &str)] = &[
    ("usr/bin/awk", "mawk"),
    ("usr/bin/sh", "dash"),
    ("usr/bin/which", "which.debianutils"),
    ("usr/sbin/iptables", "iptables-nft"),
    ("usr/sbin/iptables-save", "iptables-nft-save"),
    ("usr/sbin/iptables-restore", "iptables-nft-restore"),
    ("usr/sbin/ip6tables", "ip6tables-nft"),
    ("usr/sbin/ip6tables-save", "ip6tables-nft-save"),
    ("usr/sbin/ip6tables-restore", "ip6tables-nft-restore"),
];

/// Files that installation scripts would have written: name, content.
pub(super) const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         dnsmasq:x:101:65534:dnsmasq:/var/lib/misc:/usr/sbin/nologin\n\
         sre:x:1000:1000:an ordinary user:/home/sre:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "etc/group",
        "root:x:0:\ntty:x:5:\nadm:x:4:\nshadow:x:42:\nwww-data:x:33:\nsre:x:1000:\nnogroup:x:65534:\n",
    ),
    (
        "etc/shadow",
        "root:*:19000:0:99999:7:::\nsre:*:19000:0:99999:7:::\n",
    ),
    (
        "etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    ),
    (
        "etc/hosts",
        "127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 lab\n",
    ),
    ("etc/hostname", "lab\n"),
    ("etc/resolv.conf", "nameserver 127.0.0.1\n"),
];

/// Directories that must be there before or besides what packages bring.
pub(super) const DIRECTORIES: &[&str] = &[
    "boot",
    "dev",
    "etc",
    "home/sre",
    "lab",
    "out",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
    "usr/sbin",
    "var/log/nginx",
    "var/lib/nginx",
    "var/lib/misc",
    "var/tmp",
    "usr/lib/modules",
];

/// Top-level names that are links into /usr (the merged /usr of Debian 12).
pub(super) const MERGED: &[&str] = &["bin", "lib", "lib64", "sbin"];
