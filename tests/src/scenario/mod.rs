//! The scenarios, a file each. A name says what holds.

use crate::runner::Scenario;

macro_rules! scenarios {
    ($($lab:ident)*; anywhere: $($any:ident)*) => {
        $(mod $lab;)*
        $(mod $any;)*
        /// All of them, in the order in which they run.
        pub(crate) const ALL: &[Scenario] = &[
            $(Scenario { name: stringify!($lab), anywhere: false, run: $lab::run },)*
            $(Scenario { name: stringify!($any), anywhere: true, run: $any::run },)*
        ];
    };
}

// Those that run anywhere need no kprobes, and change nothing but the namespaces that they make.
// The first two unload nf_conntrack, which no longer goes once iptables has been used.
scenarios! {
    conntrack_not_loaded_is_told
    background_evictions_are_told_apart
    doctor_changes_nothing
    tcp_connections_count_by_port
    udp_icmp_and_ipv6_count
    namespaces_do_not_mix
    entries_of_conntrack_tools_count
    expired_entries_count
    evictions_of_a_full_table_agree
    refusals_of_a_full_table_agree
    netlink_counts_what_probes_count
    status_of_a_full_table_is_the_kernels
    refusals_are_attributed_without_probes
    sweep_of_all_ports_loses_nothing
    signals_end_a_recording_in_order
    killed_recording_stays_readable
    translated_connections_are_marked
    reopened_connections_end_as_reset
    deleted_namespace_ends_its_entries
    flows_on_two_processors_lose_nothing
    clashes_agree
    overlong_chains_agree
    inserts_count_without_their_symbol
    missing_means_are_named
    ordinary_users_record_with_capabilities
    files_that_are_no_recordings_are_refused
    full_disk_keeps_what_was_written
    existing_file_is_not_overwritten;

    anywhere:
    netlink_counts_are_those_of_the_table
    netlink_tells_who_is_refused_and_evicted
    netlink_overruns_are_told_and_made_good
}
