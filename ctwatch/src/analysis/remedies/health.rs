//! Health checks: those that a full table makes fail, and those that are so many that they fill it.

use super::ground::Ground;
use crate::{
    analysis::{lost::Lost, report::health_check},
    model::remedy::{Remedy, RemedyKind},
};

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let endpoints = ground.endpoints();
    endpoints
        .iter()
        .filter_map(|endpoint| {
            let check = health_check(endpoint.protocol, endpoint.port)?;
            let total = ground.total(endpoint);
            let lost = Lost::counted(&total, &ground.recording.header.unobserved).total();
            let entries = ground.seen(endpoint).map(|seen| seen.entries);
            let is_much = entries.is_some_and(|entries| ground.is_worthwhile(entries));
            if lost == 0 && !is_much {
                return None;
            }
            let port = endpoint.port;
            let symptom = match lost {
                0 => format!("health checks at tcp {port} hold {} entries", entries.unwrap_or(0)),
                _ => format!("{lost} health checks at tcp {port} were refused or lost their entry"),
            };
            Some(Remedy {
                title: format!("health check at tcp {port}: a higher threshold, a longer interval"),
                symptom,
                cause: format!(
                    "the port is asked for the health of {}; while the table is full such a check fails, though nothing is wrong with it, and it is restarted or taken out of service",
                    check.of
                ),
                check: format!("ctwatch report --by victim --port {port}; kubectl describe pod: restarts, failed probes"),
                owner: Some("whoever asks for it".to_owned()),
                how: format!("{}; periodSeconds twice as long", check.advice),
                persist: Some("the probe's definition (livenessProbe, readinessProbe), or the load balancer's".to_owned()),
                basis: "half the port's entries, at twice the interval; the threshold frees none and stops the restarts"
                    .to_owned(),
                ..ground.remedy(RemedyKind::Application, entries.map(|entries| entries / 2), 0.0)
            })
        })
        .collect()
}
