//! `ipvsadm -Sn`: a line `-A -t 10.96.0.1:443 -s rr` a service, `-a -t 10.96.0.1:443 -r 172.18.0.2:6443 -m -w 1` a
//! backend. Long options are those of ipvsadm(8), which restores from them too.

use std::net::{IpAddr, SocketAddr};

use super::{Problem, foreign};
use crate::model::{
    endpoint::Protocol,
    ipvs::{Backend, Forwarding, IpvsTable, ServiceKey, VirtualService},
};

/// What ipvsadm takes where none is told.
const SCHEDULER: &str = "wlc";

/// A line's options.
#[derive(Default)]
struct Options<'l> {
    key: Option<ServiceKey>,
    scheduler: Option<&'l str>,
    persistent: bool,
    backend: Option<(IpAddr, u16)>,
    forwarding: Option<Forwarding>,
    weight: Option<u64>,
}

pub(super) fn line(table: &mut IpvsTable, words: &[&str]) -> Result<(), Problem> {
    let (verb, rest) = words.split_first().ok_or_else(|| foreign(words))?;
    let options = options(rest)?;
    match (*verb, options.key, options.backend) {
        ("-A" | "--add-service", Some(key), None) => {
            table.services.push(VirtualService {
                key,
                scheduler: options.scheduler.unwrap_or(SCHEDULER).to_owned(),
                persistent: options.persistent,
                backends: Vec::new(),
            });
            Ok(())
        }
        ("-a" | "--add-server", Some(key), Some((address, port))) => {
            let mut services = table.services.iter_mut();
            let service = services.find(|service| service.key == key);
            service.ok_or(Problem::Orphan)?.backends.push(Backend {
                address,
                port,
                forwarding: options.forwarding.unwrap_or(Forwarding::Route),
                weight: options.weight.unwrap_or(1),
                connections: None,
            });
            Ok(())
        }
        _ => Err(foreign(words)),
    }
}

fn options<'l>(words: &[&'l str]) -> Result<Options<'l>, Problem> {
    let mut options = Options::default();
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| Problem::Foreign(word.to_owned()))
        };
        match word {
            "-t" | "--tcp-service" => options.key = Some(address(Protocol::TCP, value()?)?),
            "-u" | "--udp-service" => options.key = Some(address(Protocol::UDP, value()?)?),
            "--sctp-service" => options.key = Some(address(Protocol::SCTP, value()?)?),
            "-f" | "--fwmark-service" => options.key = Some(ServiceKey::Mark(number(value()?)?)),
            "-s" | "--scheduler" => options.scheduler = Some(value()?),
            "-r" | "--real-server" => options.backend = Some(socket(value()?)?),
            "-w" | "--weight" => options.weight = Some(number(value()?)?),
            "-m" | "--masquerading" => options.forwarding = Some(Forwarding::Masquerade),
            "-g" | "--gatewaying" => options.forwarding = Some(Forwarding::Route),
            "-i" | "--ipip" => options.forwarding = Some(Forwarding::Tunnel),
            "-p" | "--persistent" => {
                options.persistent = true;
                words.next_if(|word| !word.starts_with('-'));
            }
            // They say nothing of where packets go.
            "-6" | "--ipv6" | "-o" | "--ops" | "--tun-nocsum" | "--tun-csum" | "--tun-remcsum" => {}
            "-M" | "--netmask" | "-x" | "--u-threshold" | "-y" | "--l-threshold" | "--pe"
            | "-b" | "--sched-flags" | "--tun-type" | "--tun-port" => {
                value()?;
            }
            _ => return Err(Problem::Foreign(word.to_owned())),
        }
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::Number(text.to_owned()))
}

fn address(protocol: Protocol, text: &str) -> Result<ServiceKey, Problem> {
    let (address, port) = socket(text)?;
    Ok(ServiceKey::Address {
        protocol,
        address,
        port,
    })
}

/// `10.0.0.1:80`, `[fd00::1]:80`; without a port all are meant, as for persistent services.
fn socket(text: &str) -> Result<(IpAddr, u16), Problem> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Ok((socket.ip(), socket.port()));
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare
        .parse()
        .map_err(|_| Problem::Address(text.to_owned()))?;
    Ok((address, 0))
}
