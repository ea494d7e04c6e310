//! Which rule of nftables makes the kernel track connections.

use serde_json::Value;

/// Statements that need an entry, beside whatever looks at `ct`.
const STATEMENTS: [&str; 6] = ["masquerade", "snat", "dnat", "redirect", "flow", "synproxy"];

/// The first rule that needs tracking, in words: `inet filter input: ct state`. Rules that iptables made are left to
/// iptables-save: nft cannot name their matches.
#[must_use]
pub fn tracking(text: &str) -> Option<String> {
    let objects = super::objects(text).ok()?;
    objects.into_iter().find_map(|object| {
        let object = super::value(object).ok()?;
        let rule = object.get("rule")?;
        let need = need(rule.get("expr")?)?;
        let word = |key| rule.get(key).and_then(Value::as_str).unwrap_or("-");
        Some(format!(
            "{} {} {}: {need}",
            word("family"),
            word("table"),
            word("chain")
        ))
    })
}

fn need(value: &Value) -> Option<String> {
    match value {
        Value::Array(values) => values.iter().find_map(need),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| match name.as_str() {
                "ct" => {
                    let key = value.get("key").and_then(Value::as_str);
                    Some(key.map_or_else(|| "ct".to_owned(), |key| format!("ct {key}")))
                }
                name if name.starts_with("ct ") || STATEMENTS.contains(&name) => {
                    Some(name.to_owned())
                }
                _ => need(value),
            }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(expression: &str) -> Option<String> {
        tracking(&format!(
            r#"{{"nftables": [{{"metainfo": {{}}}},
            {{"rule": {{"family": "inet", "table": "filter", "chain": "input", "expr": [{expression}]}}}}]}}"#
        ))
    }

    #[test]
    fn whatever_needs_an_entry_is_named() {
        let state = r#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}"#;
        assert_eq!(rule(state).as_deref(), Some("inet filter input: ct state"));
        let masquerade = r#"{"counter": null}, {"masquerade": null}"#;
        assert_eq!(
            rule(masquerade).as_deref(),
            Some("inet filter input: masquerade")
        );
        let helper = r#"{"ct helper": "ftp"}"#;
        assert_eq!(
            rule(helper).as_deref(),
            Some("inet filter input: ct helper")
        );
    }

    #[test]
    fn other_rules_need_none() {
        assert_eq!(rule(r#"{"notrack": null}"#), None);
        assert_eq!(
            rule(r#"{"match": {"left": {"meta": {"key": "iif"}}, "right": "ct"}}"#),
            None
        );
        assert_eq!(tracking("table inet filter {"), None);
    }
}
