//! ctwatch.
