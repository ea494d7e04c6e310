//! Ports at which components are asked for their health. A check that fails because the table is full has the component
//! restarted, or taken out of service, though nothing is wrong with it.

use serde::Serialize;

use crate::model::endpoint::Protocol;

/// A health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// Whose health is asked for at this port by default.
    pub of: &'static str,
    /// What to raise.
    pub advice: &'static str,
}

const PROBES: &str = "raise failureThreshold of its livenessProbe and readinessProbe";

/// Default ports, each from the documentation of its component: ingress-nginx and HAProxy Ingress, `--healthz-port`;
/// kube-proxy, `--healthz-bind-address` (kubernetes.io/docs/reference/networking/ports-and-protocols); the others,
/// `k8s.io/kubernetes/pkg/cluster/ports`. Ports that answer other questions as well (10250, 8080) are left out.
const KNOWN: [(u16, HealthCheck); 5] = [
    (
        10_248,
        HealthCheck {
            of: "kubelet",
            advice: "raise the failure threshold of whoever asks",
        },
    ),
    (
        10_254,
        HealthCheck {
            of: "ingress-nginx, HAProxy Ingress",
            advice: PROBES,
        },
    ),
    (
        10_256,
        HealthCheck {
            of: "kube-proxy",
            advice: "raise the unhealthy threshold of the load balancer that asks",
        },
    ),
    (
        10_257,
        HealthCheck {
            of: "kube-controller-manager",
            advice: PROBES,
        },
    ),
    (
        10_259,
        HealthCheck {
            of: "kube-scheduler",
            advice: PROBES,
        },
    ),
];

/// The health check that is asked for at a port by default.
pub(in crate::analysis) fn health_check(protocol: Protocol, port: u16) -> Option<HealthCheck> {
    let known = KNOWN.iter().find(|(known, _)| *known == port)?;
    (protocol == Protocol::TCP).then_some(known.1)
}
