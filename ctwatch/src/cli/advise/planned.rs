//! `--plan OUT`.

use std::{fs::File, io::Write as _};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::{Args, Format, Input};
use crate::{
    analysis::{
        advice::Advice,
        plan::{Frame, plan},
    },
    cli::new_file::NewFile,
    model::plan::PlanBackend,
    render,
    source::plan::fingerprint,
};

/// The file, made while this process may make it.
pub(super) struct Output {
    to: NewFile,
    file: File,
    backend: Option<PlanBackend>,
}

impl Output {
    /// Makes it, empty, if one is asked for.
    pub(super) fn create(args: &Args) -> Result<Option<Self>> {
        let Some(path) = &args.plan else {
            return Ok(None);
        };
        let to = NewFile::new(path, args.force, "--plan");
        Ok(Some(Self {
            file: to.create()?,
            to,
            backend: match args.format {
                Format::Text => None,
                Format::Iptables => Some(PlanBackend::Iptables),
                Format::Nft => Some(PlanBackend::Nft),
                Format::Calico => {
                    bail!("--plan is for nft or iptables (calicoctl applies policies by itself)")
                }
            },
        }))
    }

    /// Fills it.
    pub(super) fn write(mut self, advice: &Advice, input: &Input) -> Result<()> {
        let Input {
            recording,
            given,
            texts,
            ..
        } = input;
        let own = recording
            .node
            .namespaces
            .iter()
            .find(|namespace| namespace.own);
        let own =
            own.context(
                "cannot plan: files do not tell the node's own network namespace (on the node: sudo ctwatch advise --plan OUT; or name a recording)",
            )?;
        let ended = recording
            .ended_ms
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let frame = Frame {
            made: ended.map(|time| time.to_string()),
            backend: self.backend,
            netns: own.netns,
            rulesets: fingerprint(&texts.in_place(&recording.node, own.netns)?),
        };
        let (plan, left_out) = plan(advice, &given.rulesets, frame);
        for port in left_out {
            noteln!(
                "ctwatch: warning: {} port {} needs accept rules in chains of iptables: it is not planned (--format iptables --plan \
                 plans it)",
                port.protocol,
                port.port
            );
        }
        if plan.ports.is_empty() {
            noteln!(
                "ctwatch: warning: no port is safe to leave untracked: {} plans nothing",
                self.to
            );
        }
        let text = render::plan::text(&plan);
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| self.to.cannot("write", &error))
    }
}
