//! Client ports that came again while their old connection was still in the table.

use super::{
    super::{number::count, paint::Paint, table::Table},
    names::endpoint_name,
};
use crate::analysis::report::{Report, reused};

/// Columns of a terminal that the sentence keeps to.
const WIDTH: usize = 100;

/// What it means.
const MEANING: &str = "A client's port came again while its old connection was in the table: reopened, the old \
     entry (TIME_WAIT, CLOSE) made room; ignored, it was half closed and stayed, and the new connection went where \
     the old one had gone, behind DNAT or IPVS to a backend that may have left (conn_reuse_mode).";

/// The ports at which that happened, most often first; nothing where there are none.
pub(super) fn reuse(report: &Report, paint: Paint) -> String {
    let ports = reused(&report.ports);
    if ports.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["<NETNS", "<PORT", "<ROLE", "REOPENED", "IGNORED", "NEW"]);
    for port in ports {
        table.row([
            port.netns.to_string(),
            endpoint_name(port.family, &port.protocol, port.port),
            port.role.map_or("-", |role| role.as_str()).to_owned(),
            count(port.reopened),
            count(port.syn_ignored),
            count(port.inserted),
        ]);
    }
    if report.namespaces.len() <= 1 {
        table.hide("NETNS", |_| true);
    }
    let title = paint.strong("Port reuse");
    let meaning = textwrap::fill(MEANING, WIDTH);
    format!("{title}\n{}{meaning}\n", table.lines(paint))
}
