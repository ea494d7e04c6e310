//! What `ctwatch doctor` looks at ([`Facts`]) and what it says ([`Diagnosis`]).

pub mod facts;
pub mod finding;
pub mod told;

pub use facts::Facts;
pub use finding::{Answer, Diagnosis, Finding, Topic, Trouble};
pub use told::Told;
