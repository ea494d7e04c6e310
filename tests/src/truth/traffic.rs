//! All visits of a set-up at once, and what they leave in the table.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};
use serde::Serialize;

use super::{
    exchange::{self, Connection},
    setup::{How, Kind, Place, Protocol, Setup, Subject, Visit},
    stage::Stage,
};
use crate::lab::command;

/// How many connections a visit makes.
const TIMES: usize = 8;

/// What came of the visits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Traffic {
    /// Exchanges of those who are welcome.
    pub(crate) asked: usize,
    /// Of these, with the right answer.
    pub(crate) answered: usize,
    /// Exchanges of those who are not.
    pub(crate) unwelcome: usize,
    /// Of these, with an answer.
    pub(crate) let_in: usize,
    /// Whether a connection that was there before the rules still works; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<bool>,
    /// Entries of the endpoint at the end, in whatever direction.
    pub(crate) entries: usize,
    /// One of the failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// Runs those that a recording sees.
pub(crate) fn recorded(stage: &Stage, setup: &Setup) -> Result<Traffic> {
    let visits = setup.visits.iter().filter(|visit| !visit.late);
    run(stage, setup, visits)
}

/// Runs them all.
pub(crate) fn all(stage: &Stage, setup: &Setup) -> Result<Traffic> {
    run(stage, setup, setup.visits.iter())
}

fn run<'a>(
    stage: &Stage,
    setup: &Setup,
    visits: impl Iterator<Item = &'a Visit>,
) -> Result<Traffic> {
    let mut traffic = Traffic::default();
    for visit in visits {
        let [served, asked] = pay(stage, visit, &mut traffic.failure)?;
        let allowed = match (visit.welcome, visit.how) {
            (true, How::Crowd(allowed)) => allowed.min(asked),
            (true, _) => asked,
            (false, _) => 0,
        };
        traffic.asked += allowed;
        traffic.answered += served.min(allowed);
        traffic.unwelcome += asked - allowed;
        traffic.let_in += served.saturating_sub(allowed);
    }
    traffic.entries = entries(stage, setup)?;
    Ok(traffic)
}

/// How many exchanges of how many succeed.
fn pay(stage: &Stage, visit: &Visit, failure: &mut Option<String>) -> Result<[usize; 2]> {
    let to = place(visit)?;
    let how = visit.how;
    let netns = stage.at(visit.from)?;
    let results = netns.run(|| {
        if let How::Crowd(_) = how {
            let served = exchange::crowd(to, TIMES);
            let refused = (served..TIMES).map(|_| Err(anyhow!("refused")));
            return Ok((0..served).map(|_| Ok(())).chain(refused).collect());
        }
        // Threads are in the namespace of the one that starts them.
        let threads: Vec<_> = (0..TIMES)
            .map(|_| thread::spawn(move || once(to, how)))
            .collect();
        let results = threads.into_iter().map(|thread| {
            let result = thread.join();
            result.unwrap_or_else(|_| Err(anyhow!("a client panicked")))
        });
        Ok(results.collect::<Vec<Result<()>>>())
    })?;
    let served = results.iter().filter(|result| result.is_ok()).count();
    if visit.welcome
        && let Some(Err(error)) = results.iter().find(|result| result.is_err())
    {
        failure.get_or_insert(format!("{:?} to {to}: {error:#}", visit.from));
    }
    Ok([served, results.len()])
}

fn once(to: SocketAddr, how: How) -> Result<()> {
    match how {
        How::Udp(size) => exchange::udp(to, size),
        How::Ftp => exchange::ftp(to),
        How::Tcp | How::Crowd(_) => exchange::tcp(to),
    }
}

fn place(visit: &Visit) -> Result<SocketAddr> {
    let address: IpAddr = visit.to.parse().context(visit.to)?;
    Ok(SocketAddr::new(address, visit.port))
}

/// A connection that stands when rules come, where the service is one of requests and answers.
pub(crate) fn standing(stage: &Stage, setup: &Setup) -> Result<Option<Connection>> {
    let asks = |visit: &&Visit| {
        visit.welcome
            && matches!(visit.how, How::Tcp)
            && visit.port == setup.subject.port
            && !setup
                .services
                .iter()
                .any(|service| service.kind == Kind::Ftp)
    };
    let Some(visit) = setup.visits.iter().find(asks) else {
        return Ok(None);
    };
    let to = place(visit)?;
    let netns = stage.at(visit.from)?;
    netns.run(|| {
        let mut connection = Connection::open(to)?;
        connection.ask(10)?;
        Ok(Some(connection))
    })
}

/// Entries that name the endpoint, in whatever direction.
fn entries(stage: &Stage, setup: &Setup) -> Result<usize> {
    let list = conntrack(stage, setup, &["-L"])?;
    let Subject { address, port, .. } = setup.subject;
    let naming = |line: &&str| {
        let is = |names: [&str; 2], value: &str| {
            let mut words = line.split_whitespace();
            words.any(|word| {
                let (name, found) = word.split_once('=').unwrap_or_default();
                names.contains(&name) && found == value
            })
        };
        is(["src", "dst"], address) && is(["sport", "dport"], &port.to_string())
    };
    Ok(list.lines().filter(naming).count())
}

/// Deletes the entries of the port, as one does once rules stand.
pub(crate) fn drain(stage: &Stage, setup: &Setup) -> Result<()> {
    let port = setup.subject.port.to_string();
    conntrack(stage, setup, &["-D", "--orig-port-dst", &port])?;
    // Replies alone make entries the other way round.
    conntrack(stage, setup, &["-D", "--orig-port-src", &port]).map(drop)
}

/// `conntrack` fails when there is nothing to delete, too; it always says how many entries there were.
fn conntrack(stage: &Stage, setup: &Setup, arguments: &[&str]) -> Result<String> {
    let family = setup.subject.family();
    let protocol = match setup.subject.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let (action, rest) = arguments.split_first().context("nothing to do")?;
    let arguments = [&[action, "-f", family, "-p", protocol], rest].concat();
    let netns = stage.at(Place::Node)?;
    let output = netns.run(|| command::output("conntrack", &arguments, ""))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !said.contains("flow entries") {
        bail!("conntrack {}: {}", arguments.join(" "), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
