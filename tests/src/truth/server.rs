//! What answers: threads that end when the set-up does.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket,
    sockopt,
};

use super::{
    exchange::{FILE, answer},
    setup::{Kind, Service},
    stage::Stage,
};

/// How often a server looks whether it is to end.
const BEAT: Duration = Duration::from_millis(20);

/// Servers; dropped, they end.
pub(crate) struct Servers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Servers {
    /// Starts them all; returns when each listens.
    pub(crate) fn start(stage: &Stage, services: &[Service]) -> Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let mut servers = Self {
            over: Arc::clone(&over),
            threads: Vec::new(),
        };
        for service in services {
            let address: IpAddr = service.address.parse().context(service.address)?;
            let at = SocketAddr::new(address, service.port);
            let (kind, over) = (service.kind, Arc::clone(&over));
            // Threads are in the namespace of the one that starts them, as what they open must be.
            let thread = stage.at(service.place)?.run(|| match kind {
                Kind::Udp => {
                    let socket = UdpSocket::bind(at).context(at)?;
                    Ok(thread::spawn(move || datagrams(&socket, &over)))
                }
                kind => {
                    let listener = listener(at, kind)?;
                    Ok(thread::spawn(move || connections(&listener, kind, &over)))
                }
            })?;
            servers.threads.push(thread);
        }
        Ok(servers)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // What it said is on standard error.
            let _ = thread.join();
        }
    }
}

fn listener(at: SocketAddr, kind: Kind) -> Result<TcpListener> {
    if kind != Kind::Transparent {
        return TcpListener::bind(at).with_context(|| format!("cannot listen on {at}"));
    }
    let SocketAddr::V4(at) = at else {
        bail!("{at}: an IPv4 address is needed");
    };
    let kind = SockType::Stream;
    let socket = socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::IpTransparent, &true)?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(at)).context("cannot bind")?;
    listen(&socket, Backlog::new(64)?)?;
    Ok(socket.into())
}

fn datagrams(socket: &UdpSocket, over: &AtomicBool) {
    let mut request = vec![0; 65_536];
    // Errors are time-outs, and what ICMP says of clients that are gone.
    let _ = socket.set_read_timeout(Some(BEAT));
    while !over.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut request) else {
            continue;
        };
        let _ = socket.send_to(&answer(wanted(&request[..length])), from);
    }
}

fn connections(listener: &TcpListener, kind: Kind, over: &AtomicBool) {
    let _ = listener.set_nonblocking(true);
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => drop(thread::spawn(move || {
                // The client tells what went wrong.
                let _ = match kind {
                    Kind::Ftp => transfer(&stream),
                    _ => serve(&stream),
                };
            })),
            Err(_) => thread::sleep(BEAT),
        }
    }
}

/// A line asks for so many bytes, until the client ends it.
fn serve(mut stream: &TcpStream) -> std::io::Result<()> {
    patient(stream)?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        stream.write_all(&answer(wanted(line.as_bytes())))?;
        line.clear();
    }
    Ok(())
}

/// As much of FTP (RFC 959) as a file in passive mode takes.
fn transfer(mut stream: &TcpStream) -> std::io::Result<()> {
    patient(stream)?;
    let here = stream.local_addr()?.ip();
    stream.write_all(b"220 ready\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let data = TcpListener::bind((here, 0))?;
    data.set_nonblocking(true)?;
    let port = data.local_addr()?.port();
    let address = here.to_string().replace('.', ",");
    let place = format!("{address},{},{}", port / 256, port % 256);
    stream.write_all(format!("227 Entering Passive Mode ({place}).\r\n").as_bytes())?;
    for _ in 0..500 {
        if let Ok((mut file, _)) = data.accept() {
            file.set_nonblocking(false)?;
            file.write_all(&answer(FILE))?;
            break;
        }
        thread::sleep(BEAT);
    }
    stream.read(&mut [0]).map(drop)
}

/// Nobody is waited for longer than a set-up can last.
fn patient(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))
}

/// The number at the beginning of a request; 0 for what is none.
fn wanted(request: &[u8]) -> usize {
    let digits = request.iter().take_while(|byte| byte.is_ascii_digit());
    let size = digits.fold(0, |size: usize, digit| {
        size.saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'))
    });
    size.min(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_begins_with_the_size_of_its_answer() {
        assert_eq!(wanted(b"300 xxxx"), 300);
        assert_eq!(wanted(b"12\n"), 12);
        assert_eq!(wanted(b"x12"), 0);
        assert_eq!(wanted(b"99999999999999999999999"), 1 << 20);
    }
}
