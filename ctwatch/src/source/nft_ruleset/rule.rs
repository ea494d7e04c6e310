//! One rule. A verdict map becomes a rule for each verdict, and what a rule does between two matches one of its own.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    field::{self, Field},
    sets::Sets,
    statement::{self, Meaning},
    text, value, word,
};
use crate::model::ruleset::{Condition, Effect, Match, Need, Rule, Target};

/// The rules that one rule of nftables amounts to, in order.
pub(super) fn read(content: &Value, sets: &Sets<'_>) -> Vec<Rule> {
    let statements = content.get("expr").and_then(Value::as_array);
    let statements = statements.map_or(&[][..], Vec::as_slice);
    let mut reader = Reader {
        content,
        sets,
        text: text::rule(statements),
        matches: Vec::new(),
        effects: Vec::new(),
        rules: Vec::new(),
        odd: false,
    };
    for statement in statements {
        if let Some(target) = reader.statement(statement) {
            reader.end(target);
            return reader.rules;
        }
    }
    // What is not understood may be the rule's verdict.
    let target = if reader.odd {
        Target::Unknown(reader.text.clone())
    } else {
        Target::Continue
    };
    reader.end(target);
    reader.rules
}

struct Reader<'a> {
    content: &'a Value,
    sets: &'a Sets<'a>,
    text: String,
    matches: Vec<Match>,
    effects: Vec<Effect>,
    rules: Vec<Rule>,
    /// Whether a statement was not understood.
    odd: bool,
}

impl Reader<'_> {
    /// The verdict, if that is what the statement is.
    fn statement(&mut self, statement: &Value) -> Option<Target> {
        let (name, content) = super::kind_of(statement)?;
        match name {
            "match" => {
                self.settle();
                let matches = self.comparison(content);
                self.matches.extend(matches);
                return None;
            }
            "vmap" => {
                self.settle();
                self.verdict_map(content);
                return None;
            }
            _ => {}
        }
        match statement::read(name, content) {
            Meaning::Nothing => None,
            Meaning::Effects(effects) => {
                self.effects.extend(effects);
                None
            }
            Meaning::Limit => {
                self.settle();
                self.unknown(text::statement(name, content));
                None
            }
            Meaning::Connlimit => {
                self.settle();
                self.unknown(text::statement(name, content));
                self.effects.push(Effect::Needs(Need::Connlimit));
                None
            }
            Meaning::Translation(target) => {
                self.settle();
                let matches = self.mapped(content);
                self.matches.extend(matches);
                Some(target)
            }
            Meaning::Verdict(target) => Some(target),
            Meaning::Unknown => {
                self.settle();
                self.odd = true;
                self.unknown(text::statement(name, content));
                None
            }
        }
    }

    fn unknown(&mut self, text: String) {
        self.matches.push(Condition::Unknown(text).into());
    }

    /// What the rule did so far happens whether or not later matches hold.
    fn settle(&mut self) {
        if !self.effects.is_empty() {
            self.push(self.matches.clone(), Target::Continue, None);
            self.effects.clear();
        }
    }

    fn end(&mut self, target: Target) {
        // A rule that only counts limits nobody.
        if self.effects == [Effect::Needs(Need::Connlimit)] && target == Target::Continue {
            self.effects.clear();
        }
        if target != Target::Continue || !self.effects.is_empty() || self.rules.is_empty() {
            self.push(self.matches.clone(), target, None);
        }
    }

    fn push(&mut self, matches: Vec<Match>, target: Target, way: Option<&str>) {
        let handle = self.content.get("handle").and_then(Value::as_u64);
        let mut text = self.text.clone();
        if let Some(way) = way {
            text = format!("{text} ({way})");
        }
        if let Some(handle) = handle {
            text = format!("{text} # handle {handle}");
        }
        self.rules.push(Rule {
            text,
            matches,
            effects: self.effects.clone(),
            target,
            comment: word(self.content, "comment").map(str::to_owned),
            handle,
        });
    }

    /// `{"op": "==", "left": …, "right": …}`
    fn comparison(&self, content: &Value) -> Vec<Match> {
        let words = || text::comparison(content);
        let unknown = || vec![Match::from(Condition::Unknown(words()))];
        let (Some(left), Some(right)) = (content.get("left"), content.get("right")) else {
            return unknown();
        };
        let (fields, mut matches) = field::read(left);
        let operator = word(content, "op");
        // A list of flags is a mask, of which one is enough; compared as a whole it is something else.
        let is_list = right.is_array() || right.get("|").is_some();
        let is_understood = match operator {
            Some("==" | "!=") => !is_list,
            Some("in" | "!") => fields == [Field::State],
            _ => false,
        };
        let matched = match fields.as_slice() {
            [field @ (Field::Entry | Field::Flow | Field::Packet)] => {
                Some(whole(*field, words()).into())
            }
            fields if is_understood => self
                .values(right)
                .and_then(|values| value::any(fields, &values))
                .map(|condition| Match {
                    negated: matches!(operator, Some("!=" | "!")),
                    condition,
                }),
            _ => None,
        };
        match matched {
            Some(matched) => matches.push(matched),
            None => matches.extend(unknown()),
        }
        matches
    }

    /// The single values that a right side has; `None` for a set that changes by itself.
    fn values<'v>(&'v self, right: &'v Value) -> Option<Vec<&'v Value>> {
        if let Some(name) = right.as_str().filter(|name| name.starts_with('@')) {
            return Some(self.sets.elements(self.content, name)?.iter().collect());
        }
        if let Some(set) = right.get("set") {
            let elements = set
                .as_array()
                .map_or(std::slice::from_ref(set), Vec::as_slice);
            return Some(elements.iter().collect());
        }
        Some(match right.get("|").unwrap_or(right).as_array() {
            Some(list) => list.iter().collect(),
            None => vec![right],
        })
    }

    /// Keys and data of a map, or `None` when it changes by itself.
    fn pairs<'v>(&'v self, data: &'v Value) -> Option<Vec<(&'v Value, &'v Value)>> {
        let elements = match data.as_str() {
            Some(name) => self.sets.elements(self.content, name)?,
            None => data.get("set")?.as_array()?,
        };
        elements
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => Some((key, value)),
                _ => None,
            })
            .collect()
    }

    /// `{"key": …, "data": …}`: a rule for each verdict, since no two keys match one packet.
    fn verdict_map(&mut self, content: &Value) {
        let (Some(key), Some(data)) = (content.get("key"), content.get("data")) else {
            self.odd = true;
            return;
        };
        let (fields, needed) = field::read(key);
        let Some(groups) = self.pairs(data).map(by_verdict) else {
            self.odd = true;
            self.unknown(text::expression(key));
            return;
        };
        let last = groups.len().saturating_sub(1);
        let count: usize = groups.iter().map(|(_, keys)| keys.len()).sum();
        let mut rules = Vec::new();
        for (at, (verdict, keys)) in groups.into_iter().enumerate() {
            let way = super::kind_of(verdict).map(|(name, content)| text::statement(name, content));
            let way = way.unwrap_or_default();
            let target =
                super::kind_of(verdict).map(|(name, content)| statement::read(name, content));
            let target = match target {
                Some(Meaning::Verdict(target)) => target,
                _ => Target::Unknown(way.clone()),
            };
            let words = || format!("{} ({way})", text::expression(key));
            let condition = match fields.as_slice() {
                [field @ (Field::Entry | Field::Flow | Field::Packet)] => whole(*field, words()),
                // Some number is drawn: what no other verdict has the last one takes.
                [Field::Unknown] if at == last && draws_one_of(key, count) => {
                    Condition::Any(vec![Vec::new()])
                }
                fields => value::any(fields, &keys).unwrap_or_else(|| Condition::Unknown(words())),
            };
            rules.push((condition, target, way));
        }
        for (condition, target, way) in rules {
            let mut matches = self.matches.clone();
            matches.extend(needed.iter().cloned());
            matches.push(condition.into());
            self.push(matches, target, Some(&way));
        }
    }

    /// `dnat to tcp dport map { 80 : 10.0.0.1 }` translates what the map has, and nothing else.
    fn mapped(&self, content: &Value) -> Vec<Match> {
        let map = content.get("addr").and_then(|addr| addr.get("map"));
        let key_and_data = map.and_then(|map| Some((map.get("key")?, map.get("data")?)));
        let Some((key, data)) = key_and_data else {
            return Vec::new();
        };
        let (fields, mut matches) = field::read(key);
        let keys = self
            .pairs(data)
            .map(|pairs| pairs.into_iter().map(|(key, _)| key).collect());
        // Which backend a random number picks is all one.
        if let Some(condition) = keys.and_then(|keys: Vec<_>| value::any(&fields, &keys)) {
            matches.push(condition.into());
        }
        matches
    }
}

/// `numgen random mod 2`, with a key for each number.
fn draws_one_of(key: &Value, count: usize) -> bool {
    let draw = key.get("numgen").or_else(|| key.get("jhash"));
    let numbers = draw
        .and_then(|draw| draw.get("mod"))
        .and_then(Value::as_u64);
    numbers.is_some_and(|numbers| usize::try_from(numbers) == Ok(count))
}

/// A condition that is kept in words, its operator included.
fn whole(field: Field, text: String) -> Condition {
    match field {
        Field::Entry => Condition::Entry {
            text,
            without: false,
        },
        Field::Flow => Condition::Flow(text),
        _ => Condition::Packet(text),
    }
}

/// Keys by verdict, in the order in which the verdicts come first.
fn by_verdict<'v>(pairs: Vec<(&'v Value, &'v Value)>) -> Vec<(&'v Value, Vec<&'v Value>)> {
    let mut groups: Vec<(&Value, Vec<&Value>)> = Vec::new();
    let mut by_text: HashMap<String, usize> = HashMap::new();
    for (key, verdict) in pairs {
        let at = *by_text.entry(verdict.to_string()).or_insert_with(|| {
            groups.push((verdict, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(key);
    }
    groups
}
