//! A single entry in words.

use std::net::SocketAddr;

use crate::{
    analysis::inspect::{Basis, Explained, Peer},
    render::number::{count, duration},
};

/// What each TCP state says (`tcp_conntracks` in nf_conntrack_proto_tcp.c).
const TCP: [(&str, &str); 9] = [
    ("SYN_SENT", "a SYN was seen and no answer yet"),
    (
        "SYN_RECV",
        "SYN and SYN/ACK were seen, the client's ACK was not",
    ),
    ("ESTABLISHED", "the connection is open"),
    ("FIN_WAIT", "one side has closed (FIN)"),
    (
        "CLOSE_WAIT",
        "one side has closed and the other acknowledged it, but has not closed itself",
    ),
    (
        "LAST_ACK",
        "both sides have closed, the last ACK was not seen",
    ),
    (
        "TIME_WAIT",
        "both sides have closed; the entry waits for stragglers",
    ),
    ("CLOSE", "it was reset (RST)"),
    ("SYN_SENT2", "both sides sent a SYN"),
];

/// Some lines: who speaks to whom, who answers, where it stands, how long it has left. No line end.
#[must_use]
pub fn explain(explained: &Explained) -> String {
    let mut lines = vec![ends(explained)];
    lines.extend(translation(explained));
    lines.push(state(explained));
    lines.push(left(explained));
    lines.extend(carried(explained));
    lines.extend(beside(explained));
    lines.join("\n  ")
}

fn ends(explained: &Explained) -> String {
    let protocol = match explained.protocol.parse::<u8>() {
        Ok(number) => format!("protocol {number}"),
        Err(_) => explained.protocol.clone(),
    };
    let role = explained
        .role
        .map_or_else(String::new, |role| format!(" ({})", role.as_str()));
    format!(
        "client {} speaks {protocol} to service {}{role}",
        peer(&explained.client),
        peer(&explained.service)
    )
}

fn translation(explained: &Explained) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(backend) = &explained.backend {
        lines.push(format!(
            "translated to backend {}, which answers in the service's place",
            peer(backend)
        ));
    }
    if let Some(seen_as) = &explained.client_seen_as {
        lines.push(format!(
            "the other side sees the client as {}",
            peer(seen_as)
        ));
    }
    lines
}

fn peer(peer: &Peer) -> String {
    match peer.port {
        Some(port) => SocketAddr::new(peer.address, port).to_string(),
        None => peer.address.to_string(),
    }
}

fn state(explained: &Explained) -> String {
    let meaning = match explained.state {
        "UNREPLIED" => "no reply was seen",
        "REPLIED" => "a reply was seen",
        "ASSURED" => "packets went to and fro for some time",
        state if explained.protocol == "tcp" => {
            let known = TCP.iter().find(|(name, _)| *name == state);
            known.map_or("", |(_, meaning)| meaning)
        }
        _ => "",
    };
    let mut text = explained.state.to_owned();
    if !meaning.is_empty() {
        text.push_str(": ");
        text.push_str(meaning);
    }
    if !explained.replied && explained.state != "UNREPLIED" {
        text.push_str("; no reply was seen");
    }
    if explained.offloaded {
        text.push_str("; a flowtable carries its packets");
    }
    text
}

fn left(explained: &Explained) -> String {
    let Some(left) = explained.left_seconds else {
        return "no timer runs".to_owned();
    };
    let seconds = |seconds: u32| duration(Some(f64::from(seconds)));
    let mut text = format!("ends in {} unless a packet comes", seconds(left));
    if let Some((timeout, idle)) = explained.timeout_seconds.zip(explained.idle_seconds) {
        let basis = match explained.timeout_from {
            Some(Basis::Sysctl) => "as set on this node",
            _ => "the kernel's default",
        };
        text.push_str(&format!(
            "; the last one was {} ago, if the timeout is {} ({basis})",
            seconds(idle),
            seconds(timeout)
        ));
    }
    match explained.gives_way_to_a_new_connection {
        Some(true) => text.push_str("; a new connection from the same client port takes its place"),
        Some(false) if explained.backend.is_some() => text.push_str(
            "; until then a new connection from the same client port meets this entry and goes to the same backend",
        ),
        _ => {}
    }
    text
}

fn carried(explained: &Explained) -> Option<String> {
    let told =
        |packets: u64, bytes: u64| format!("{} packets ({} bytes)", count(packets), count(bytes));
    let original = explained.original?;
    let reply = explained.reply?;
    Some(format!(
        "carried {} there and {} back",
        told(original.packets, original.bytes),
        told(reply.packets, reply.bytes)
    ))
}

fn beside(explained: &Explained) -> Option<String> {
    let mut words = Vec::new();
    if let Some(age) = explained.age_seconds {
        words.push(format!("{} old", duration(Some(age as f64))));
    }
    if explained.assured {
        words.push("assured (not evicted for newcomers)".to_owned());
    }
    if let Some(helper) = &explained.helper {
        words.push(format!("helper {helper}"));
    }
    if explained.mark != 0 {
        words.push(format!("mark {}", explained.mark));
    }
    if explained.zone != 0 {
        words.push(format!("zone {}", explained.zone));
    }
    (!words.is_empty()).then(|| words.join(", "))
}
