//! IPVS beside conntrack. What the settings do: Documentation/networking/ipvs-sysctl.rst.

use super::{setting, version::Version};
use crate::model::doctor::{Answer, Facts, Finding, Told, Topic};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    match &facts.ipvs {
        Told::Absent => vec![finding(
            "ipvs",
            Answer::No,
            "there is no /proc/net/ip_vs: IPVS is not loaded".to_owned(),
        )],
        Told::Hidden(reason) => {
            vec![
                finding(
                    "ipvs",
                    Answer::Unknown,
                    format!("/proc/net/ip_vs: {reason}"),
                )
                .todo("run doctor as root, or: sudo ipvsadm -Ln"),
            ]
        }
        Told::Value(ipvs) if ipvs.services == 0 => {
            vec![finding(
                "ipvs",
                Answer::No,
                "IPVS is loaded and has no service in this network namespace (/proc/net/ip_vs)"
                    .to_owned(),
            )]
        }
        Told::Value(ipvs) => {
            let reason = format!(
                "{} services, {} backends, {} of them of weight 0 (/proc/net/ip_vs)",
                ipvs.services, ipvs.backends, ipvs.drained
            );
            let mut findings = vec![finding("ipvs", Answer::Yes, reason)];
            findings.extend(
                [reuse(facts), tracks(facts), nodest(facts), templates(facts)]
                    .into_iter()
                    .flatten(),
            );
            findings
        }
    }
}

fn finding(check: &'static str, answer: Answer, reason: String) -> Finding {
    Finding::new(Topic::Neighbours, check, answer, reason)
}

fn reuse(facts: &Facts) -> Option<Finding> {
    const NAME: &str = "net.ipv4.vs.conn_reuse_mode";
    let mode = setting::number(facts, NAME)?;
    if mode == 0 {
        let reason = format!(
            "{NAME} = 0: a new connection from a client port that was used before goes to the backend it went to then"
        );
        return Some(finding("ipvs-reused-ports-are-rescheduled", Answer::No, reason).attention(
            "callers time out while pods are replaced, also those of drained pods: their reused ports are sent to backends that are gone",
            "conntrack -L -d SERVICE: the reply direction names a backend that is gone; ipvsadm -Lnc",
            if Version::of(facts).is_some_and(|version| version < Version(5, 9)) {
                "a kernel of 5.9 or later, then sysctl -w net.ipv4.vs.conn_reuse_mode=1 (before 5.9 a mode of 1 delays each reused port by a second)".to_owned()
            } else {
                format!("sysctl -w {NAME}=1 (kube-proxy since 1.22 leaves it alone on Linux 5.9 and later)")
            },
        ));
    }
    let delayed = Version::of(facts).is_some_and(|version| version < Version(5, 9))
        && setting::number(facts, "net.ipv4.vs.conntrack") == Some(1);
    let finding = finding(
        "ipvs-reused-ports-are-rescheduled",
        Answer::Yes,
        format!("{NAME} = {mode}"),
    );
    Some(if delayed {
        finding.attention(
            "connections from reused client ports take a second longer",
            "tcpdump shows the first SYN lost and sent again after 1 s",
            "a kernel of 5.9 or later: before, IPVS with net.ipv4.vs.conntrack = 1 drops the SYN that meets an old entry",
        )
    } else {
        finding
    })
}

fn tracks(facts: &Facts) -> Option<Finding> {
    const NAME: &str = "net.ipv4.vs.conntrack";
    Some(match setting::number(facts, NAME)? {
        0 => finding(
            "ipvs-tracked-twice",
            Answer::No,
            format!(
                "{NAME} = 0: IPVS drops the entry of a packet it forwards (`notrack`), and its connections are in its own table alone; SNAT rules do not apply to them"
            ),
        ),
        value => finding(
            "ipvs-tracked-twice",
            Answer::Yes,
            format!(
                "{NAME} = {value}: each connection is in IPVS's table and in conntrack's; masquerading of IPVS's traffic needs that"
            ),
        ),
    })
}

fn nodest(facts: &Facts) -> Option<Finding> {
    const NAME: &str = "net.ipv4.vs.expire_nodest_conn";
    Some(match setting::number(facts, NAME)? {
        0 => finding("ipvs-connections-of-removed-backends-expire", Answer::No, format!("{NAME} = 0: packets of connections whose backend was removed are dropped in silence until the connection times out")).attention(
            "callers of a service hang after a backend was removed, until their own timeout",
            "ipvsadm -Lnc | grep BACKEND",
            format!("sysctl -w {NAME}=1: the connection is ended at its next packet (kube-proxy sets it)"),
        ),
        value => finding("ipvs-connections-of-removed-backends-expire", Answer::Yes, format!("{NAME} = {value}")),
    })
}

fn templates(facts: &Facts) -> Option<Finding> {
    const NAME: &str = "net.ipv4.vs.expire_quiescent_template";
    Some(match setting::number(facts, NAME)? {
        0 => finding(
            "ipvs-persistence-leaves-drained-backends",
            Answer::No,
            format!(
                "{NAME} = 0: clients of services with persistence (sessionAffinity) keep going to a backend of weight 0"
            ),
        ),
        value => finding(
            "ipvs-persistence-leaves-drained-backends",
            Answer::Yes,
            format!("{NAME} = {value}"),
        ),
    })
}
