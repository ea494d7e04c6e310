//! Sets and maps: what their elements are, and which of them packets change.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::word;

/// Family, table and name.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Sets and maps that rules add to, by family, table and name.
pub(super) type Updated = HashSet<(String, String, String)>;

/// `add @set { ip saddr }`: the text of the set need not say that it changes.
pub(super) fn updates(rule: &Value, updated: &mut Updated) {
    let (Some(family), Some(table)) = (word(rule, "family"), word(rule, "table")) else {
        return;
    };
    let statements = rule.get("expr").and_then(Value::as_array);
    for statement in statements.into_iter().flatten() {
        let update = statement.get("set").or_else(|| statement.get("map"));
        let name = update.and_then(|update| word(update, "set").or_else(|| word(update, "map")));
        if let Some(name) = name.and_then(|name| name.strip_prefix('@')) {
            updated.insert((family.to_owned(), table.to_owned(), name.to_owned()));
        }
    }
}

/// All sets and maps of a ruleset.
pub(super) struct Sets<'a> {
    elements: HashMap<Key<'a>, &'a [Value]>,
    /// Those that change by themselves: they have timeouts, or rules add to them.
    changing: HashSet<Key<'a>>,
}

impl<'a> Sets<'a> {
    pub(super) fn of(objects: &'a [Value], updated: &Updated) -> Self {
        let mut sets = Self {
            elements: HashMap::new(),
            changing: HashSet::new(),
        };
        for object in objects {
            if let Some(content) = object.get("set").or_else(|| object.get("map")) {
                sets.take(content, updated);
            }
        }
        sets
    }

    fn take(&mut self, content: &'a Value, updated: &Updated) {
        let key = (
            word(content, "family"),
            word(content, "table"),
            word(content, "name"),
        );
        let (Some(family), Some(table), Some(name)) = key else {
            return;
        };
        let key = (family, table, name);
        let elements = content.get("elem").and_then(Value::as_array);
        self.elements
            .insert(key, elements.map_or(&[], Vec::as_slice));
        let flags = content.get("flags").and_then(Value::as_array);
        let is_changing = |flag: &Value| matches!(flag.as_str(), Some("timeout" | "dynamic"));
        let owned = (family.to_owned(), table.to_owned(), name.to_owned());
        if flags.is_some_and(|flags| flags.iter().any(is_changing)) || updated.contains(&owned) {
            self.changing.insert(key);
        }
    }

    /// The elements of a set named as rules of a table name it (`@name`); `None` for one that changes by itself or
    /// is not there.
    pub(super) fn elements(&self, rule: &Value, name: &str) -> Option<&'a [Value]> {
        let wanted = (
            word(rule, "family")?,
            word(rule, "table")?,
            name.strip_prefix('@')?,
        );
        if self.changing.contains(&wanted) {
            return None;
        }
        self.elements.get(&wanted).copied()
    }
}

/// An element without its timeout, counter and comment.
pub(super) fn bare(element: &Value) -> &Value {
    element
        .get("elem")
        .and_then(|element| element.get("val"))
        .unwrap_or(element)
}
