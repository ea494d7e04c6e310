//! What the headers of a packet say, as far as they were kept.

use network_types::{
    bitfield::BitfieldU16,
    ip::{IpProto, Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
    udp::UdpHdr,
};

use crate::model::event::Packet;

/// Bytes of an ICMP echo header, and of what every other ICMP message has before its body (RFC 792, RFC 4443).
const ICMP_HEADER: u32 = 8;

/// What is worth knowing of a packet that its tuple does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// TCP's flags by name, in the order of the header's bits; `None` for other protocols, for fragments but the first,
    /// and where that part of the header was not kept.
    pub tcp_flags: Option<Vec<&'static str>>,
    /// Bytes after the transport protocol's header; `None` where that is not known.
    pub payload: Option<u32>,
}

/// Where the transport protocol's header begins.
#[derive(Clone, Copy, Debug)]
struct Transport {
    protocol: u8,
    /// Bytes before it.
    offset: usize,
    /// Bytes of the whole packet, from the network header on.
    length: u32,
}

impl Headers {
    /// Those of a packet; `None` where it begins with neither an IPv4 nor an IPv6 header that was kept whole.
    #[must_use]
    pub fn of(packet: &Packet) -> Option<Self> {
        let transport = match packet.bytes.first()? >> 4 {
            4 => behind_ipv4(&packet.bytes, packet.whole_length)?,
            6 => behind_ipv6(&packet.bytes, packet.whole_length)?,
            _ => return None,
        };
        Some(transport.map_or(
            Self {
                tcp_flags: None,
                payload: None,
            },
            |transport| transport.read(&packet.bytes),
        ))
    }
}

impl Transport {
    fn read(self, packet: &[u8]) -> Headers {
        let header = packet.get(self.offset..).unwrap_or_default();
        let tcp = self.is(IpProto::Tcp).then(|| tcp(header)).flatten();
        let own = if self.is(IpProto::Tcp) {
            tcp.map(|tcp| u32::from(tcp.doff()) * 4)
        } else if self.is(IpProto::Udp) {
            Some(UdpHdr::LEN as u32)
        } else if self.is(IpProto::Icmp) || self.is(IpProto::Ipv6Icmp) {
            Some(ICMP_HEADER)
        } else {
            None
        };
        let before = u32::try_from(self.offset).unwrap_or(u32::MAX);
        Headers {
            tcp_flags: tcp.map(flags),
            payload: own.and_then(|own| self.length.checked_sub(before.checked_add(own)?)),
        }
    }

    fn is(self, protocol: IpProto) -> bool {
        self.protocol == protocol as u8
    }
}

/// Inside, `None` for a fragment that is not the first.
fn behind_ipv4(packet: &[u8], whole_length: u32) -> Option<Option<Transport>> {
    let [
        vihl,
        tos,
        l0,
        l1,
        i0,
        i1,
        f0,
        f1,
        ttl,
        proto,
        c0,
        c1,
        addresses @ ..,
    ] = packet.first_chunk::<{ Ipv4Hdr::LEN }>()?;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
    let header = Ipv4Hdr {
        vihl: *vihl,
        tos: *tos,
        tot_len: [*l0, *l1],
        id: [*i0, *i1],
        frags: [*f0, *f1],
        ttl: *ttl,
        proto: *proto,
        check: [*c0, *c1],
        src_addr: [s0, s1, s2, s3],
        dst_addr: [d0, d1, d2, d3],
    };
    let transport = Transport {
        protocol: header.proto,
        offset: usize::from(header.ihl()),
        length: stated(header.tot_len().into(), whole_length),
    };
    Some((header.frag_offset() == 0).then_some(transport))
}

/// Inside, `None` for a fragment that is not the first, and where an extension header was not kept whole.
fn behind_ipv6(packet: &[u8], whole_length: u32) -> Option<Option<Transport>> {
    let (fixed, mut rest) = packet.split_first_chunk::<{ Ipv6Hdr::LEN }>()?;
    let [v0, v1, v2, v3, l0, l1, next_hdr, hop_limit, ..] = *fixed;
    let mut header = Ipv6Hdr {
        vcf: [v0, v1, v2, v3],
        payload_len: [l0, l1],
        next_hdr,
        hop_limit,
        src_addr: [0; 16],
        dst_addr: [0; 16],
    };
    header.src_addr.copy_from_slice(&fixed[8..24]);
    header.dst_addr.copy_from_slice(&fixed[24..40]);
    let payload = u32::from(header.payload_len());
    let length = match payload {
        0 => whole_length,
        payload => payload + Ipv6Hdr::LEN as u32,
    };
    let mut protocol = header.next_hdr;
    while let Some(step) = extension(protocol, rest) {
        let Some((next, behind)) = step else {
            return Some(None);
        };
        (protocol, rest) = (next, behind);
    }
    Some(Some(Transport {
        protocol,
        offset: packet.len() - rest.len(),
        length,
    }))
}

/// What follows an extension header (RFC 8200, section 4), and its protocol; `None` when the protocol is none.
fn extension(protocol: u8, packet: &[u8]) -> Option<Option<(u8, &[u8])>> {
    let is = |kind: IpProto| protocol == kind as u8;
    let is_fragment = is(IpProto::Ipv6Frag);
    if !(is_fragment || is(IpProto::HopOpt) || is(IpProto::Ipv6Route) || is(IpProto::Ipv6Opts)) {
        return None;
    }
    let behind = || {
        let [next, length, f0, f1] = *packet.first_chunk::<4>()?;
        if is_fragment {
            // Only the first fragment has the transport protocol's header.
            let first = u16::from_be_bytes([f0, f1]) >> 3 == 0;
            return packet.get(8..).filter(|_| first).map(|rest| (next, rest));
        }
        let rest = packet.get((usize::from(length) + 1) * 8..)?;
        Some((next, rest))
    };
    Some(behind())
}

/// The length that a header states; the kernel leaves it 0 in packets that are longer than it can state.
fn stated(length: u32, whole_length: u32) -> u32 {
    match length {
        0 => whole_length,
        length => length,
    }
}

fn tcp(header: &[u8]) -> Option<TcpHdr> {
    let [
        s0,
        s1,
        d0,
        d1,
        n0,
        n1,
        n2,
        n3,
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        w0,
        w1,
        c0,
        c1,
        u0,
        u1,
    ] = *header.first_chunk::<{ TcpHdr::LEN }>()?;
    Some(TcpHdr {
        source: [s0, s1],
        dest: [d0, d1],
        seq: [n0, n1, n2, n3],
        ack_seq: [a0, a1, a2, a3],
        _bitfield_align_1: [],
        _bitfield_1: BitfieldU16::new([b0, b1]),
        window: [w0, w1],
        check: [c0, c1],
        urg_ptr: [u0, u1],
    })
}

fn flags(tcp: TcpHdr) -> Vec<&'static str> {
    let all = [
        (tcp.fin(), "FIN"),
        (tcp.syn(), "SYN"),
        (tcp.rst(), "RST"),
        (tcp.psh(), "PSH"),
        (tcp.ack(), "ACK"),
        (tcp.urg(), "URG"),
        (tcp.ece(), "ECE"),
        (tcp.cwr(), "CWR"),
    ];
    let set = all.into_iter().filter(|(set, _)| *set != 0);
    set.map(|(_, name)| name).collect()
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
