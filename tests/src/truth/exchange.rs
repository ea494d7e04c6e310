//! What a client does, once: it asks, and holds the answer against what it must be.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// Bytes of a file.
pub(crate) const FILE: usize = 20_000;

/// Bytes of a large answer: many segments of any size.
const LARGE: usize = 150_000;

/// A lost SYN is sent again after 1 and 3 seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of this size.
pub(crate) fn answer(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// A TCP connection that goes on.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// A short request, and so many bytes.
    pub(crate) fn ask(&mut self, size: usize) -> Result<()> {
        self.0.write_all(format!("{size}\n").as_bytes())?;
        let mut found = vec![0; size];
        self.0.read_exact(&mut found)?;
        right(&found, size)
    }
}

/// A connection with a small answer, and a large one.
pub(crate) fn tcp(to: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(to)?;
    connection.ask(10)?;
    connection.ask(LARGE)
}

/// A datagram of this size, and one as large that comes back; asked once more when nothing does, as resolvers do.
pub(crate) fn udp(to: SocketAddr, size: usize) -> Result<()> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE / 2))?;
    let mut request = size.to_string().into_bytes();
    request.resize(size.max(request.len()), b' ');
    let mut found = vec![0; 65_536];
    for _ in 0..2 {
        socket.send(&request)?;
        if let Ok(length) = socket.recv(&mut found) {
            return right(&found[..length], size);
        }
    }
    bail!("no answer")
}

/// A file in passive mode.
pub(crate) fn ftp(to: SocketAddr) -> Result<()> {
    let control = Connection::open(to)?.0;
    let mut lines = BufReader::new(&control);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    (&control).write_all(b"PASV\r\n")?;
    line.clear();
    lines.read_line(&mut line)?;
    let mut data = Connection::open(passive(&line).with_context(|| line.clone())?)?;
    let mut found = vec![0; FILE];
    data.0.read_exact(&mut found)?;
    right(&found, FILE)
}

/// Address and port of `227 Entering Passive Mode (203,0,113,10,4,1).`
fn passive(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once('(')?;
    let (numbers, _) = rest.split_once(')')?;
    let numbers: Result<Vec<u8>, _> = numbers.split(',').map(str::parse).collect();
    let [a, b, c, d, high, low] = numbers.ok()?[..] else {
        return None;
    };
    let port = u16::from_be_bytes([high, low]);
    Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port))
}

/// How many of so many connections that stay open together are served.
pub(crate) fn crowd(to: SocketAddr, size: usize) -> usize {
    let mut open = Vec::new();
    for _ in 0..size {
        if let Ok(mut connection) = Connection::open(to)
            && connection.ask(10).is_ok()
        {
            open.push(connection);
        }
    }
    open.len()
}

fn right(found: &[u8], size: usize) -> Result<()> {
    if found != answer(size) {
        bail!("a wrong answer of {} bytes instead of {size}", found.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_file_is_read() {
        let line = "227 Entering Passive Mode (203,0,113,10,4,1).\r\n";
        assert_eq!(passive(line), "203.0.113.10:1025".parse().ok());
        for line in ["", "227 (1,2,3)", "227 (1,2,3,4,5,600)", "500 no"] {
            assert_eq!(passive(line), None, "{line}");
        }
    }

    #[test]
    fn a_wrong_or_short_answer_is_none() {
        assert!(right(&answer(300), 300).is_ok());
        assert!(right(&answer(299), 300).is_err());
        assert!(right(&[0; 300], 300).is_err());
    }
}
