//! Words and addresses as the database has them: the same words as in JSON.

use std::{net::IpAddr, str::FromStr};

use rusqlite::{Row, types::Type};
use serde::{Serialize, de::DeserializeOwned};

use crate::model::endpoint::Protocol;

/// The word of an enum's variant.
pub(super) fn word(value: impl Serialize) -> rusqlite::Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Ok(other.to_string()),
        Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
    }
}

/// The variant of a word in a column.
pub(super) fn variant<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    from_word(row.get(column)?, column)
}

/// As [`variant`], where NULL is `None`.
pub(super) fn variant_or_null<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<String>>(column)?
        .map(|word| from_word(word, column))
        .transpose()
}

fn from_word<T: DeserializeOwned>(word: String, column: usize) -> rusqlite::Result<T> {
    serde_json::from_value(word.into()).map_err(|error| unreadable(column, error))
}

/// An address in a column.
pub(super) fn address(row: &Row<'_>, column: usize) -> rusqlite::Result<IpAddr> {
    parse(&row.get::<_, String>(column)?, column)
}

/// As [`address`], where NULL is `None`.
pub(super) fn address_or_null(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<IpAddr>> {
    row.get::<_, Option<String>>(column)?
        .map(|text| parse(&text, column))
        .transpose()
}

/// A protocol by name, or by number where it has none.
pub(super) fn protocol(row: &Row<'_>, column: usize) -> rusqlite::Result<Protocol> {
    let text: String = row.get(column)?;
    match Protocol::from_name(&text) {
        Some(protocol) => Ok(protocol),
        None => parse(&text, column).map(Protocol),
    }
}

fn parse<T: FromStr>(text: &str, column: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| unreadable(column, error))
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
