//! Bits of an entry's status (`enum ip_conntrack_status`), as a dump carries them.

/// `IPS_EXPECTED`: an expectation was waiting for it.
pub const EXPECTED: u32 = 1 << 0;
/// `IPS_SEEN_REPLY`
pub const SEEN_REPLY: u32 = 1 << 1;
/// `IPS_ASSURED`
pub const ASSURED: u32 = 1 << 2;
/// `IPS_SRC_NAT`: translated for good; the bits `IPS_*_NAT_DONE` are set on untranslated entries too.
pub const SRC_NAT: u32 = 1 << 4;
/// `IPS_DST_NAT`
pub const DST_NAT: u32 = 1 << 5;
/// `IPS_SEQ_ADJUST`: sequence numbers are rewritten.
pub const SEQ_ADJUST: u32 = 1 << 6;
/// `IPS_DYING`: it is being removed.
pub const DYING: u32 = 1 << 9;
/// `IPS_NAT_CLASH`: it lies in the table under its reply direction only, for a second; no dump shows it.
pub const NAT_CLASH: u32 = 1 << 12;
/// `IPS_HELPER`: a rule assigned a helper.
pub const HELPER: u32 = 1 << 13;
/// `IPS_OFFLOAD`: a flowtable carries it.
pub const OFFLOAD: u32 = 1 << 14;
/// `IPS_HW_OFFLOAD`: the network card carries it.
pub const HW_OFFLOAD: u32 = 1 << 15;
