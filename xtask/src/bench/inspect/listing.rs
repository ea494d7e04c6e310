//! A listing as `conntrack -L` would print it on a large ingress node, the same for the same number of entries.

use std::io::{self, Write};

/// States of the busy ports as a field report had them, a thousand in all.
const STATES: [(&str, u32, u64); 8] = [
    ("CLOSE_WAIT", 604, 3_600),
    ("TIME_WAIT", 277, 120),
    ("ESTABLISHED", 88, 432_000),
    ("CLOSE", 19, 10),
    ("LAST_ACK", 8, 30),
    ("SYN_RECV", 2, 60),
    ("FIN_WAIT", 1, 120),
    ("SYN_SENT", 1, 120),
];

/// Addresses and ports of services on the node.
const SERVICES: [(&str, u16); 4] = [
    ("203.0.113.10", 443),
    ("203.0.113.10", 80),
    ("203.0.113.11", 443),
    ("192.0.2.10", 10254),
];

/// Writes so many entries, of some 160 bytes each.
pub(super) fn write(out: &mut impl Write, entries: u32) -> io::Result<()> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..entries {
        match dice.below(100) {
            0..70 => service(out, &mut dice)?,
            70..82 => node_port(out, &mut dice)?,
            82..90 => lookup(out, &mut dice)?,
            90..97 => masqueraded(out, &mut dice)?,
            97..99 => ipv6(out, &mut dice)?,
            _ => ping(out, &mut dice)?,
        }
    }
    Ok(())
}

/// xorshift64*: enough for choosing, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    /// One of 200,000 clients, some of them far busier than others.
    fn client(&mut self) -> String {
        let range = if self.below(4) == 0 { 200 } else { 200_000 };
        let number = self.below(range);
        let (high, low) = (number / 250, number % 250 + 1);
        format!("{}.{}.{}.{low}", 20 + high / 200, high % 200, number % 199)
    }

    fn port(&mut self) -> u64 {
        1_024 + self.below(64_512)
    }

    fn state(&mut self) -> (&'static str, u64) {
        let mut place = self.below(1_000) as u32;
        for (state, share, timeout) in STATES {
            if place < share {
                return (state, self.below(timeout));
            }
            place -= share;
        }
        ("ESTABLISHED", 431_999)
    }
}

fn service(out: &mut impl Write, dice: &mut Dice) -> io::Result<()> {
    let (address, port) = SERVICES[(dice.below(13) / 4) as usize];
    let (client, from, (state, left)) = (dice.client(), dice.port(), dice.state());
    let answered = if state == "SYN_SENT" {
        "[UNREPLIED] "
    } else {
        ""
    };
    let assured = if answered.is_empty() {
        "[ASSURED] "
    } else {
        ""
    };
    writeln!(
        out,
        "tcp      6 {left} {state} src={client} dst={address} sport={from} dport={port} {answered}src={address} \
         dst={client} sport={port} dport={from} {assured}mark=0 secmark=0 use=1"
    )
}

fn node_port(out: &mut impl Write, dice: &mut Dice) -> io::Result<()> {
    let (client, from, (state, left)) = (dice.client(), dice.port(), dice.state());
    let pod = format!("10.244.{}.{}", dice.below(16), dice.below(40) + 2);
    writeln!(
        out,
        "tcp      6 {left} {state} src={client} dst=192.0.2.10 sport={from} dport=30443 src={pod} dst={client} \
         sport=8443 dport={from} [ASSURED] mark=0 secmark=0 use=1"
    )
}

fn lookup(out: &mut impl Write, dice: &mut Dice) -> io::Result<()> {
    let (pod, from, left) = (dice.below(250) + 2, dice.port(), dice.below(30));
    let answered = if dice.below(9) == 0 {
        "[UNREPLIED] "
    } else {
        ""
    };
    writeln!(
        out,
        "udp      17 {left} src=10.244.1.{pod} dst=10.96.0.10 sport={from} dport=53 {answered}src=10.244.3.7 \
         dst=10.244.1.{pod} sport=53 dport={from} mark=0 secmark=0 use=1"
    )
}

fn masqueraded(out: &mut impl Write, dice: &mut Dice) -> io::Result<()> {
    let (pod, from, to, (state, left)) =
        (dice.below(250) + 2, dice.port(), dice.port(), dice.state());
    let server = format!("198.51.{}.{}", dice.below(100), dice.below(250) + 1);
    writeln!(
        out,
        "tcp      6 {left} {state} src=10.244.1.{pod} dst={server} sport={from} dport={to} src={server} \
         dst=192.0.2.10 sport={to} dport={from} [ASSURED] mark=0 secmark=0 use=1"
    )
}

fn ipv6(out: &mut impl Write, dice: &mut Dice) -> io::Result<()> {
    let client = format!(
        "2001:db8:{:x}::{:x}",
        dice.below(65_536),
        dice.below(65_535) + 1
    );
    let (from, (state, left)) = (dice.port(), dice.state());
    writeln!(
        out,
        "tcp      6 {left} {state} src={client} dst=2001:db8::10 sport={from} dport=443 src=2001:db8::10 \
         dst={client} sport=443 dport={from} [ASSURED] mark=0 secmark=0 use=1"
    )
}

fn ping(out: &mut impl Write, dice: &mut Dice) -> io::Result<()> {
    let (client, left, id) = (dice.client(), dice.below(30), dice.below(65_536));
    writeln!(
        out,
        "icmp     1 {left} src={client} dst=192.0.2.10 type=8 code=0 id={id} src=192.0.2.10 dst={client} type=0 \
         code=0 id={id} mark=0 secmark=0 use=1"
    )
}
