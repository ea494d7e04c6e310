//! A network namespace of the test's own, with conntrack engaged, and traffic in it.

use std::{
    fs,
    io::{IoSlice, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd,
    path::Path,
    process::Command,
    thread,
};

use nix::{
    sched::{CloneFlags, unshare},
    sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg},
    unistd::Uid,
};

/// Why the tests cannot run here; it is said aloud, since a test that did nothing looks like one that passed.
pub(crate) fn is_skipped(test: &str) -> bool {
    let missing = [
        ("conntrack", "--version"),
        ("ip", "-Version"),
        ("nft", "--version"),
    ]
    .into_iter()
    .find(|(program, version)| Command::new(program).arg(version).output().is_err());
    let reason = if !Uid::effective().is_root() {
        "not root".to_owned()
    } else if let Some((program, _)) = missing {
        format!("{program} is not installed")
    } else if !Path::new("/proc/sys/net/netfilter/nf_conntrack_max").exists() {
        "conntrack is not loaded".to_owned()
    } else {
        return false;
    };
    // Not by eprintln!, whose text is shown for failed tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    true
}

/// Runs a program in the namespace of the calling thread.
pub(crate) fn run(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap())
        .args(words)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a test in a namespace that ends with it.
pub(crate) fn in_a_namespace(test: fn()) {
    let inside = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        for protocol in ["udp_timeout", "udp_timeout_stream", "tcp_timeout_time_wait"] {
            let setting = format!("/proc/sys/net/netfilter/nf_conntrack_{protocol}");
            fs::write(setting, "3600").unwrap();
        }
        run("nft add table inet engaged");
        run("nft add chain inet engaged input { type filter hook input priority 0 ; }");
        run("nft add rule inet engaged input ct state invalid counter");
        test();
    };
    thread::Builder::new()
        .spawn(inside)
        .unwrap()
        .join()
        .unwrap();
}

/// What `conntrack -C` says.
pub(crate) fn count() -> u64 {
    run("conntrack -C").trim().parse().unwrap()
}

/// Entries of a destination port that conntrack-tools lists.
pub(crate) fn listed(protocol: &str, port: u16) -> u64 {
    let list = run(&format!(
        "conntrack -L -p {protocol} --orig-port-dst {port}"
    ));
    list.lines().count() as u64
}

/// So many flows of one packet each to a port, each from an address of its own; `first` is the first one's number.
pub(crate) fn udp_flows(first: u32, flows: u32, port: u16) {
    let receiver = UdpSocket::bind(("0.0.0.0", port)).unwrap();
    let sender = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    let to = SockaddrIn::new(127, 0, 0, 1, port);
    for flow in first..first + flows {
        let source = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr {
                s_addr: ((127 << 24 | 1 << 20) + flow).to_be(),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        sendmsg(
            sender.as_raw_fd(),
            &[IoSlice::new(&[0])],
            &[ControlMessage::Ipv4PacketInfo(&source)],
            MsgFlags::empty(),
            Some(&to),
        )
        .unwrap();
    }
    drop(receiver);
}

/// So many connections, opened and closed one after the other.
pub(crate) fn tcp_connections(connections: u32, port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for _ in 0..connections {
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        drop(listener.accept().unwrap());
        drop(client);
    }
}
