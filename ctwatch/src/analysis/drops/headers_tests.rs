#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::*;

fn ipv4(protocol: u8, length: u16, fragment: u16, rest: &[u8]) -> Vec<u8> {
    let [l0, l1] = length.to_be_bytes();
    let [f0, f1] = fragment.to_be_bytes();
    let mut packet = vec![
        0x45, 0, l0, l1, 0, 1, f0, f1, 64, protocol, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1,
    ];
    packet.extend(rest);
    packet
}

fn ipv6(next: u8, length: u16, rest: &[u8]) -> Vec<u8> {
    let [l0, l1] = length.to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, l0, l1, next, 64];
    packet.extend([0xfd; 32]);
    packet.extend(rest);
    packet
}

/// With a header of 40 bytes, of which 20 are options.
fn segment(flags: u8) -> Vec<u8> {
    let mut header = vec![0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, flags];
    header.extend([0xfa, 0xf0, 0, 0, 0, 0]);
    header.extend([0; 20]);
    header
}

fn read(bytes: Vec<u8>, whole_length: u32) -> Option<Headers> {
    Headers::of(&Packet {
        bytes,
        whole_length,
    })
}

fn tells(bytes: Vec<u8>, whole_length: u32) -> (Option<Vec<&'static str>>, Option<u32>) {
    let headers = read(bytes, whole_length).unwrap();
    (headers.tcp_flags, headers.payload)
}

#[test]
fn a_syn_is_told_from_what_came_later() {
    let syn = ipv4(6, 60, 0x4000, &segment(0x02));
    assert_eq!(tells(syn, 60), (Some(vec!["SYN"]), Some(0)));
    let data = ipv4(6, 560, 0x4000, &segment(0x18));
    assert_eq!(tells(data, 560), (Some(vec!["PSH", "ACK"]), Some(500)));
    let syn = ipv6(6, 40, &segment(0xc2));
    assert_eq!(tells(syn, 80), (Some(vec!["SYN", "ECE", "CWR"]), Some(0)));
}

#[test]
fn payloads_are_counted_as_the_ip_header_states_them() {
    let udp = [0x4e, 0x21, 0, 53, 0, 9, 0, 0, b'x'];
    assert_eq!(tells(ipv4(17, 29, 0, &udp), 29), (None, Some(1)));
    // What the card padded is no payload.
    assert_eq!(tells(ipv4(17, 29, 0, &udp), 46), (None, Some(1)));
    // Longer than 16 bits can say.
    assert_eq!(tells(ipv4(17, 0, 0, &udp), 90_028), (None, Some(90_000)));
    assert_eq!(tells(ipv6(17, 0, &udp), 90_048), (None, Some(90_000)));
    assert_eq!(tells(ipv4(1, 84, 0, &[8, 0]), 84), (None, Some(56)));
    assert_eq!(tells(ipv6(58, 64, &[128, 0]), 104), (None, Some(56)));
    assert_eq!(tells(ipv4(47, 84, 0, &[]), 84), (None, None));
}

#[test]
fn the_transport_header_is_found_behind_extensions() {
    let mut rest = vec![43, 1];
    rest.extend([0; 14]);
    rest.extend([6, 0, 0, 0, 0, 0, 0, 0]);
    rest.extend(segment(0x02));
    let packet = ipv6(0, 64, &rest);
    assert_eq!(tells(packet, 104), (Some(vec!["SYN"]), Some(0)));
}

#[test]
fn fragments_but_the_first_tell_nothing() {
    assert_eq!(tells(ipv4(6, 60, 100, &segment(0x02)), 60), (None, None));
    let fragment = |offset: u8| {
        let mut rest = vec![6, 0, 0, offset, 0, 0, 0, 1];
        rest.extend(segment(0x02));
        ipv6(44, 48, &rest)
    };
    assert_eq!(tells(fragment(1), 88), (Some(vec!["SYN"]), Some(0)));
    assert_eq!(tells(fragment(8), 88), (None, None));
}

#[test]
fn no_packet_that_was_cut_off_is_misread() {
    let mut rest = vec![43, 1];
    rest.extend([0; 14]);
    rest.extend([6, 0, 0, 0, 0, 0, 0, 0]);
    rest.extend(segment(0x02));
    let wholes = [ipv4(6, 60, 0, &segment(0x02)), ipv6(0, 64, &rest)];
    for whole in wholes {
        for kept in 0..whole.len() {
            let length = u32::try_from(whole.len()).unwrap();
            if let Some(headers) = read(whole[..kept].to_vec(), length) {
                let none = headers.tcp_flags.is_none() && headers.payload.is_none();
                assert!(none || headers.payload == Some(0), "{kept}: {headers:?}");
            }
        }
    }
    assert_eq!(read(vec![0x25; 60], 60), None);
    assert_eq!(read(Vec::new(), 0), None);
    // An IPv4 header that claims to be longer than the packet.
    let mut odd = ipv4(17, 20, 0, &[0; 8]);
    odd[0] = 0x4f;
    assert_eq!(tells(odd, 28), (None, None));
}
