//! What `ctwatch status` prints.

mod json;
mod text;
mod value;

pub use json::json;
pub use text::text;
pub use value::value;
