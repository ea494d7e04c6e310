#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arbitrary;
mod incidents;
mod owners;
mod prices;

use std::collections::BTreeMap;

use super::{Beside, Notrack, remedies};
use crate::{
    analysis::{
        lost::Lost,
        report::{Options, report},
    },
    model::{
        counters::{Counters, Ended},
        dump::{Dump, DumpKind, EndpointDump, Evidence, Finding},
        endpoint::{Endpoint, Family, Netns, Protocol, Role},
        entry::State,
        left::TimeLeft,
        lifetime::Lifetimes,
        node::{Namespace, Node, RulesetKind, RulesetText},
        recording::{Backend, Header, Recording},
        remedy::{Known, Remedy, RemedyKind, UntilFull},
        sample::{Losses, Sample},
        stage::Stage,
        table::Table,
        translated::{Translated, TranslatedEntries},
        unobserved::Unobserved,
    },
    source::ipvs,
};

const NETNS: Netns = Netns {
    cookie: 1,
    inode: 4_026_531_840,
};
const CLOSE_WAIT: &str = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
const ESTABLISHED: &str = "net.netfilter.nf_conntrack_tcp_timeout_established";
const TIME_WAIT: &str = "net.netfilter.nf_conntrack_tcp_timeout_time_wait";

fn endpoint(protocol: Protocol, role: Role, port: u16) -> Endpoint {
    Endpoint {
        netns: NETNS,
        family: Family::Ipv4,
        protocol,
        role: Some(role),
        port,
        address: (role == Role::Inbound).then(|| "203.0.113.10".parse().unwrap()),
    }
}

/// One service, at rest unless it says otherwise: what a dump at the end sees, and what happened within a minute.
#[derive(Clone, Debug)]
struct Service {
    endpoint: Endpoint,
    states: Vec<(&'static str, u64)>,
    /// States as of the first dump, where they were others.
    before: Option<Vec<(&'static str, u64)>>,
    clients: u64,
    counters: Counters,
    /// An entry with a translated destination.
    example: &'static str,
}

impl Service {
    fn new(role: Role, port: u16, states: &[(&'static str, u64)]) -> Self {
        Self {
            endpoint: endpoint(Protocol::TCP, role, port),
            states: states.to_vec(),
            before: None,
            clients: 1_000,
            counters: Counters::default(),
            example: "",
        }
    }

    fn udp(port: u16, states: &[(&'static str, u64)]) -> Self {
        Self {
            endpoint: endpoint(Protocol::UDP, Role::Inbound, port),
            ..Self::new(Role::Inbound, port, states)
        }
    }

    fn clients(self, clients: u64) -> Self {
        Self { clients, ..self }
    }

    fn before(self, states: &[(&'static str, u64)]) -> Self {
        Self {
            before: Some(states.to_vec()),
            ..self
        }
    }

    /// So many entries came within the minute, and so many expired in a state.
    fn moved(mut self, inserted: u64, expired: &[(&'static str, u64)]) -> Self {
        self.counters.inserted = inserted;
        for (state, entries) in expired {
            self.counters.ended.expired += entries;
            let index = State::NAMES.iter().position(|name| name == state);
            if let Some(count) = index.and_then(|index| self.counters.tcp_last.get_mut(index)) {
                *count += entries;
            }
        }
        self
    }

    fn entries(states: &[(&'static str, u64)]) -> u64 {
        states.iter().map(|(_, entries)| entries).sum()
    }

    fn findings(&self) -> BTreeMap<Finding, Evidence> {
        let evidence = Evidence {
            entries: 12,
            example: self.example.to_owned(),
        };
        let shown = (!self.example.is_empty()).then_some((Finding::DnatObserved, evidence));
        shown.into_iter().collect()
    }

    fn seen(&self, states: &[(&'static str, u64)]) -> EndpointDump {
        EndpointDump {
            entries: Self::entries(states),
            states: states.iter().copied().collect(),
            clients: self.clients,
            findings: self.findings(),
            ..EndpointDump::default()
        }
    }
}

/// A recording of one minute.
struct Scene {
    services: Vec<Service>,
    max: u64,
    buckets: u64,
    sysctls: Vec<(&'static str, &'static str)>,
    lifetimes: BTreeMap<Endpoint, Lifetimes>,
    rules: &'static str,
    backend: Backend,
    known: Known,
    notrack: Vec<Notrack>,
    ipvs: &'static str,
    left: Vec<TimeLeft>,
    translated: Vec<TranslatedEntries>,
}

impl Scene {
    fn new(services: Vec<Service>, max: u64) -> Self {
        Self {
            services,
            max,
            buckets: max / 2,
            sysctls: Vec::new(),
            lifetimes: BTreeMap::new(),
            rules: "",
            backend: Backend::Kprobe,
            known: Known::default(),
            notrack: Vec::new(),
            ipvs: "",
            left: Vec::new(),
            translated: Vec::new(),
        }
    }

    /// So many TCP entries lead from a service to a backend.
    fn translated(mut self, service: &str, backend: &str, entries: u64) -> Self {
        let way = Translated {
            protocol: Protocol::TCP,
            service: service.parse().unwrap(),
            backend: backend.parse().unwrap(),
        };
        self.translated.push(TranslatedEntries { way, entries });
        self
    }

    /// So many TCP entries have so much time left.
    fn left(mut self, state: &str, seconds: u32, entries: u64) -> Self {
        self.left.push(TimeLeft {
            protocol: Protocol::TCP,
            stage: Stage::from_name(state).unwrap(),
            seconds,
            entries,
        });
        self
    }

    fn sysctl(mut self, name: &'static str, value: &'static str) -> Self {
        self.sysctls.push((name, value));
        self
    }

    fn dump(&self, at_ms: i64, kind: DumpKind) -> Dump {
        let states = |service: &Service| match (kind, &service.before) {
            (DumpKind::Baseline, Some(before)) => before.clone(),
            _ => service.states.clone(),
        };
        let endpoints: BTreeMap<Endpoint, EndpointDump> = self
            .services
            .iter()
            .map(|service| (service.endpoint, service.seen(&states(service))))
            .collect();
        Dump {
            netns: NETNS,
            at_ms,
            took_ms: 0,
            kind,
            entries: endpoints.values().map(|seen| seen.entries).sum(),
            endpoints,
            clients: Vec::new(),
            distinct_clients: 0,
            left: self.left.clone(),
            translated: self.translated.clone(),
        }
    }

    fn sample(&self, second: i64, count: u64) -> Sample {
        let deltas = match second {
            60 => self
                .services
                .iter()
                .map(|s| (s.endpoint, s.counters))
                .collect(),
            _ => Vec::new(),
        };
        Sample {
            at_ms: second * 1_000,
            elapsed_ms: second.unsigned_abs() * 1_000,
            deltas,
            unattributed: Counters::default(),
            evictions: Vec::new(),
            tables: vec![Table {
                netns: NETNS,
                count: Some(count),
                max: Some(self.max),
                buckets: Some(self.buckets),
                stats: None,
            }],
            losses: Losses::default(),
        }
    }

    fn recording(&self) -> Recording {
        let dumps = vec![
            self.dump(0, DumpKind::Baseline),
            self.dump(60_000, DumpKind::Final),
        ];
        let [first, last] = [0, 1].map(|at| dumps.get(at).map_or(0, |dump: &Dump| dump.entries));
        let between = |second: i64| {
            let grown = last.cast_signed() - first.cast_signed();
            (first.cast_signed() + grown * second / 60).unsigned_abs()
        };
        Recording {
            header: Header {
                version: "0.1.0".into(),
                started_ms: 0,
                interval_ms: 1_000,
                backend: self.backend,
                degraded: Vec::new(),
                unobserved: Unobserved::of(self.backend, true),
            },
            node: Node {
                cpus: 8,
                sysctls: self
                    .sysctls
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                namespaces: vec![Namespace {
                    netns: NETNS,
                    name: None,
                    own: true,
                }],
                rulesets: vec![RulesetText {
                    netns: NETNS,
                    kind: RulesetKind::IptablesSave,
                    text: self.rules.to_owned(),
                }],
                ..Node::default()
            },
            samples: (0..=60)
                .map(|second| self.sample(second, between(second)))
                .collect(),
            dumps,
            lifetimes: self.lifetimes.clone(),
            events: Vec::new(),
            gaps: Vec::new(),
            ended_ms: Some(60_000),
            ledger: None,
        }
    }

    fn remedies(&self) -> Vec<Remedy> {
        let recording = self.recording();
        let options = Options {
            netns: None,
            port: None,
            top: 0,
            points: 1,
        };
        let report = report(&recording, &options);
        let ipvs = ipvs::read(self.ipvs).unwrap();
        let beside = Beside {
            known: &self.known,
            notrack: &self.notrack,
            ipvs: Some(&ipvs),
        };
        remedies(&recording, &report.namespaces[0], &beside)
    }
}

fn of<'r>(remedies: &'r [Remedy], setting: &str) -> &'r Remedy {
    let mut with = remedies.iter();
    with.find(|remedy| remedy.setting.as_deref() == Some(setting))
        .unwrap_or_else(|| panic!("none for {setting} among {:#?}", titles(remedies)))
}

fn of_kind(remedies: &[Remedy], kind: RemedyKind) -> Vec<&Remedy> {
    remedies
        .iter()
        .filter(|remedy| remedy.kind == kind)
        .collect()
}

fn titles(remedies: &[Remedy]) -> Vec<(Option<u64>, &str)> {
    remedies
        .iter()
        .map(|remedy| (remedy.frees_entries, remedy.title.as_str()))
        .collect()
}

fn notrack(service: &Service) -> Notrack {
    Notrack {
        protocol: service.endpoint.protocol,
        port: service.endpoint.port,
        addresses: service.endpoint.address.into_iter().collect(),
        frees_entries: Some(Service::entries(&service.states)),
        drain_seconds: Some(180),
        total: service.counters,
        lost: Lost::default(),
        needs_accept: false,
    }
}

fn lost(refused: u64, evicted: u64) -> Counters {
    Counters {
        refused,
        ended: Ended {
            evicted,
            ..Ended::default()
        },
        ..Counters::default()
    }
}
