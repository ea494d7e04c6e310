#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;

use super::{Damage, NoListing, read};

const MAX: &str = "net.netfilter.nf_conntrack_max";

fn only(text: &str) -> (String, String) {
    let listing = read(text).unwrap();
    assert_eq!((listing.settings.len(), listing.damaged), (1, 0), "{text}");
    listing.settings.into_iter().next().unwrap()
}

#[test]
fn every_form_gives_the_same_setting() {
    for line in [
        "net.netfilter.nf_conntrack_max = 262144",
        "net.netfilter.nf_conntrack_max=262144",
        "net/netfilter/nf_conntrack_max = 262144",
        "-net.netfilter.nf_conntrack_max = 262144",
        "  net.netfilter.nf_conntrack_max\t=\t262144\r\n",
        "/proc/sys/net/netfilter/nf_conntrack_max:262144",
        "/proc/sys/net/netfilter/nf_conntrack_max = 262144",
        "# a comment\n; another\n\nnet.netfilter.nf_conntrack_max = 262144",
        "sysctl: permission denied on key 'net.ipv4.tcp_fastopen_key'\nnet.netfilter.nf_conntrack_max = 262144",
        "net.netfilter.nf_conntrack_max = 5\nnet.netfilter.nf_conntrack_max = 262144",
    ] {
        assert_eq!(only(line), (MAX.into(), "262144".into()), "{line}");
    }
}

#[test]
fn values_of_several_words_none_and_odd_names_stay_as_they_are() {
    assert_eq!(only("net.ipv4.tcp_mem = 1\t2\t3").1, "1\t2\t3");
    assert_eq!(only("kernel.domainname = a=b").1, "a=b");
    assert_eq!(only("kernel.modprobe =").1, "");
    assert_eq!(
        only("/proc/sys/net/ipv4/conf/eth0.100/rp_filter:1").0,
        "net.ipv4.conf.eth0/100.rp_filter"
    );
    assert_eq!(
        only("/sys/module/nf_conntrack/parameters/hashsize:65536"),
        ("nf_conntrack.hashsize".into(), "65536".into())
    );
}

#[test]
fn what_is_damaged_is_counted_and_the_rest_is_used() {
    let text = "net.ipv4.tcp_fin_timeout = 60\nnet.netfilter.nf_conn\n  ?? = 4\n.a = 1\nb. = 1\nkernel.pid_max = 5\n";
    let listing = read(text).unwrap();
    assert_eq!(listing.settings.len(), 2);
    assert_eq!(listing.damaged, 4);
    let damage = |line, column, text: &str| Damage {
        line,
        column,
        text: text.into(),
    };
    assert_eq!(
        listing.first_damaged,
        [
            damage(2, 22, "net.netfilter.nf_conn"),
            damage(3, 3, "  ?? = 4"),
            damage(4, 1, ".a = 1")
        ]
    );
    assert_eq!(read(""), Err(NoListing));
    assert_eq!(
        read("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"),
        Err(NoListing)
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        if let Ok(listing) = read(&text) {
            prop_assert!(listing.settings.len() + listing.damaged <= text.lines().count());
        }
    }

    #[test]
    fn what_sysctl_prints_is_what_is_read(
        settings in proptest::collection::btree_map("[a-z]{1,6}(\\.[a-z_0-9]{1,8}){1,4}", "[0-9]{0,9}", 1..20),
        path: bool,
    ) {
        let line = |(name, value): (&String, &String)| match path {
            true => format!("/proc/sys/{}:{value}\n", name.replace('.', "/")),
            false => format!("{name} = {value}\n"),
        };
        let text: String = settings.iter().map(line).collect();
        let listing = read(&text).unwrap();
        prop_assert_eq!(listing.settings, settings);
        prop_assert_eq!(listing.damaged, 0);
    }
}
