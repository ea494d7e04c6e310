//! What the costs may be.

use serde::Serialize;

use super::figure::Figure;
use super::figures::Condition;
use super::{ENDED, TRACKED};

/// How far apart boots may be, and packets of flows that exist, in per cent.
const REPEATABLE_PERCENT: f64 = 0.2;
const UNCHANGED: f64 = 1.0 + REPEATABLE_PERCENT / 100.0;

/// By the end of a condition's name: how many times the cost without ctwatch.
const SOURCES: [Price; 2] = [
    Price {
        source: "fentry",
        udp: 1.10,
        udp_aim: 1.07,
        tcp: 1.01,
    },
    Price {
        source: "kprobe",
        udp: 1.20,
        udp_aim: 1.15,
        tcp: 1.02,
    },
];

struct Price {
    source: &'static str,
    udp: f64,
    udp_aim: f64,
    tcp: f64,
}

/// A limit beside what was measured.
#[derive(Serialize)]
pub(super) struct Limit {
    pub(super) condition: String,
    pub(super) what: &'static str,
    pub(super) limit: f64,
    /// What would be better still.
    pub(super) aim: Option<f64>,
    pub(super) measured: Option<f64>,
    /// Null where it could not be measured.
    pub(super) holds: Option<bool>,
}

impl Limit {
    fn new(condition: &Condition, what: &'static str, limit: f64, measured: Option<f64>) -> Self {
        Self {
            condition: condition.name.clone(),
            what,
            limit,
            aim: None,
            measured,
            holds: measured.map(|measured| measured <= limit),
        }
    }
}

/// All limits, also those of conditions that could not be measured.
pub(super) fn judge(conditions: &[Condition]) -> Vec<Limit> {
    let mut limits = Vec::new();
    for condition in conditions {
        let price = SOURCES.iter().find(|price| is_by(condition, price.source));
        if let Some(price) = price {
            limits.extend(price.judge(condition));
        }
        if price.is_some() || [TRACKED, ENDED].contains(&condition.name.as_str()) {
            limits.push(repeatable(condition));
        }
    }
    limits
}

fn is_by(condition: &Condition, source: &str) -> bool {
    condition.name.starts_with("ctwatch") && condition.name.ends_with(source)
}

impl Price {
    fn judge(&self, condition: &Condition) -> [Limit; 3] {
        let times = &condition.times_tracked;
        let udp = Limit::new(
            condition,
            "new and ended UDP flow, x tracked",
            self.udp,
            times.udp_flow_and_end,
        );
        [
            Limit {
                aim: Some(self.udp_aim),
                ..udp
            },
            Limit::new(
                condition,
                "TCP connection, x tracked",
                self.tcp,
                times.tcp_connection,
            ),
            Limit::new(
                condition,
                "further packet, x tracked",
                UNCHANGED,
                times.packet,
            ),
        ]
    }
}

/// The worst of the figures that the limits are about.
fn repeatable(condition: &Condition) -> Limit {
    let figures = [
        condition.udp_flow_and_end,
        condition.tcp_connection,
        condition.packet,
    ];
    let spreads: Option<Vec<f64>> = figures
        .iter()
        .map(|figure: &Option<Figure>| Some((*figure)?.spread_percent))
        .collect();
    let worst = spreads.and_then(|spreads| spreads.into_iter().reduce(f64::max));
    Limit::new(condition, "spread, %", REPEATABLE_PERCENT, worst)
}
