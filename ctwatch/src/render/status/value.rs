//! One plain value, as Zabbix takes it.

use crate::analysis::status::Value;

/// `41203`, `15.72`, with a line end. Per cent have two decimals, which never claim that a table is full when it is
/// not.
#[must_use]
pub fn value(value: Value) -> String {
    match value {
        Value::Number(number) => format!("{number}\n"),
        Value::Percent(part) if part < 100.0 => format!("{:.2}\n", part.min(99.99)),
        Value::Percent(part) => format!("{part:.2}\n"),
    }
}
