//! Where values come from: the kernel, netlink, files. Each source gives values of [`crate::model`].

pub mod conntrack_text;
pub mod doctor;
pub mod iptables_save;
pub mod ipvs;
pub mod keeper;
pub mod kernel;
pub mod netlink;
pub mod nft_ruleset;
pub mod node;
pub mod own_addresses;
pub mod packed;
pub mod plan;
pub mod privilege;
pub mod ruleset_text;
pub mod sysctl_listing;
pub mod table;
pub mod turned_away;
