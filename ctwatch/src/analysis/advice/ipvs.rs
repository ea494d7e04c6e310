//! Services of IPVS: it takes their packets before the socket does, and what it forwards may have to be translated.

use std::net::IpAddr;

use super::{
    surroundings::{Surroundings, is_own},
    verdict::{Code, Judgement},
};
use crate::model::{
    endpoint::{Netns, Protocol},
    ipvs::IpvsTable,
    node::{Node, RulesetKind},
    ruleset::{Content, ReadRuleset},
};

/// What IPVS does with packets to an address and port.
pub(super) fn service_at(
    surroundings: &Surroundings<'_>,
    protocol: Protocol,
    address: IpAddr,
    port: u16,
) -> Option<Judgement> {
    let table = match surroundings.ipvs.as_ref()? {
        Ok(table) => table,
        Err(reason) => return Some(Judgement::unproven(reason.clone())),
    };
    if let Some(service) = table.service_at(protocol, address, port) {
        let evidence = format!("IPVS forwards it: {service}");
        return Some(Judgement::blocked(Code::IpvsService, evidence));
    }
    // Which packets have the mark is for rules of mangle to say, which are not walked for it.
    let marked = table.marked()?;
    let evidence = format!("IPVS takes packets by their mark, these too perhaps: {marked}");
    Some(Judgement::new(
        super::Verdict::Unproven,
        Code::IpvsService,
        evidence,
    ))
}

/// The services of a namespace, or why their text could not be read; `None` where there is no text.
pub(super) fn services<'a>(
    rulesets: &'a [ReadRuleset],
    netns: Netns,
    node: &Node,
) -> Option<Result<&'a IpvsTable, String>> {
    let here = |ruleset: &&ReadRuleset| match ruleset.netns {
        Some(of) => of == netns,
        None => is_own(netns, node),
    };
    let mut all = rulesets.iter().filter(here);
    let ruleset = all.find(|ruleset| ruleset.kind == RulesetKind::IpVs)?;
    match &ruleset.content {
        Ok(Content::Ipvs(table)) => Some(Ok(table)),
        Ok(Content::Xtables(_) | Content::Nft(_)) => None,
        Err(reason) => Some(Err(format!(
            "{} could not be read: {reason}",
            ruleset.origin
        ))),
    }
}

/// IPVS is loaded, as its settings show, and nobody read its services.
pub(super) fn unread<'a>(own: bool, node: &Node) -> Option<Result<&'a IpvsTable, String>> {
    let mut settings = node.sysctls.keys();
    let loaded = own && settings.any(|name| name.starts_with("net.ipv4.vs."));
    loaded.then(|| {
        Err("IPVS is loaded, and its services were not read (--ipvs, from ipvsadm -Sn)".to_owned())
    })
}
