//! `ctwatch status`.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};

use super::{Global, Outcome, Output};
use crate::{
    analysis::status::{Key, Status, Which, status},
    render::{
        paint::Paint,
        status::{json, text, value},
    },
    source::{
        node::{self, netns::Seen},
        privilege, table,
    },
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print this figure alone, for a UserParameter of Zabbix: count, max, fill (per cent), refused, early_drop or
    /// insert_failed, of the own network namespace, or of another: count[NAME], count[INODE].
    #[arg(long, value_name = "KEY")]
    zabbix: Option<Key>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if !table::is_loaded() {
        bail!(
            "there is no table: conntrack is not loaded in this kernel, nothing is tracked on this node (modprobe \
             nf_conntrack, or add a rule that uses it)"
        );
    }
    match &args.zabbix {
        Some(key) => figure(key, global),
        None => all(global),
    }
}

fn all(global: &Global) -> Result<Outcome> {
    let mut degraded = Vec::new();
    let own_only = !privilege::may_enter_namespaces();
    if own_only {
        degraded.push(
            "only the own network namespace is shown: CAP_SYS_ADMIN is missing (run it with sudo)"
                .to_owned(),
        );
    }
    let namespaces = node::namespaces(own_only, &mut degraded);
    let status = look(&namespaces, degraded);
    for reason in &status.degraded {
        noteln!("ctwatch: warning: {reason}");
    }
    let out = match global.output {
        Output::Json => json(&status)?,
        Output::Text if global.colored() => text(&status, Paint::Colored),
        Output::Text => text(&status, Paint::Plain),
    };
    io::stdout().write_all(out.as_bytes())?;
    Ok(if status.full {
        Outcome::Attention
    } else {
        Outcome::Done
    })
}

/// Nothing but the value is said: agents take standard error for a part of it.
fn figure(key: &Key, global: &Global) -> Result<Outcome> {
    if global.output == Output::Json {
        bail!("--zabbix prints one plain value, -o json a document: leave out one of them");
    }
    let mut degraded = Vec::new();
    let namespaces = node::namespaces(key.netns == Which::Own, &mut degraded);
    let status = look(&namespaces, degraded);
    let figure = key.value(&status).context("no value for this key")?;
    io::stdout().write_all(value(figure).as_bytes())?;
    Ok(Outcome::Done)
}

fn look(namespaces: &[Seen], mut degraded: Vec<String>) -> Status {
    let kernel = node::kernel_release().unwrap_or_else(|reason| {
        degraded.push(format!("kernel release: {reason}"));
        String::new()
    });
    let tables = table::read_once(namespaces, &mut degraded);
    let names: Vec<_> = namespaces.iter().map(Seen::namespace).collect();
    status(kernel, &names, &tables, degraded)
}
