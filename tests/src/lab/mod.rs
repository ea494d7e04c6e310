//! What scenarios are made of: namespaces, traffic, the kernel's figures, the recorder and what it wrote.

pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod drops;
pub(crate) mod figures;
pub(crate) mod fill;
pub(crate) mod kallsyms;
pub(crate) mod kernel;
pub(crate) mod limit;
pub(crate) mod listing;
pub(crate) mod module;
pub(crate) mod netns;
pub(crate) mod pcapng;
pub(crate) mod privileges;
pub(crate) mod processor;
pub(crate) mod recorder;
pub(crate) mod recording;
pub(crate) mod refusal;
pub(crate) mod setting;
pub(crate) mod socket_drops;
pub(crate) mod source;
pub(crate) mod systemd;
pub(crate) mod traffic;
pub(crate) mod uts;
pub(crate) mod world;
