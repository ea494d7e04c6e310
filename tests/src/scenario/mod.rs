//! The scenarios, a file each. A name says what holds.

use crate::runner::Scenario;

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// All of them, in the order in which they run.
        pub(crate) const ALL: &[Scenario] = &[
            $(Scenario { name: stringify!($name), run: $name::run }),*
        ];
    };
}

scenarios! {
    tcp_connections_count_by_port
    udp_icmp_and_ipv6_count
    namespaces_do_not_mix
    entries_of_conntrack_tools_count
    expired_entries_count
    evictions_of_a_full_table_agree
    refusals_of_a_full_table_agree
    sweep_of_all_ports_loses_nothing
    signals_end_a_recording_in_order
    killed_recording_stays_readable
}
