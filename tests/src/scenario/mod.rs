//! The scenarios, a file each. A name says what holds.

use crate::runner::{Kind, Scenario};

macro_rules! scenarios {
    ($($kind:ident $name:ident)*) => {
        $(mod $name;)*
        /// All of them, in the order in which they run.
        pub(crate) const ALL: &[Scenario] = &[
            $(Scenario { name: stringify!($name), kind: Kind::$kind, run: $name::run },)*
        ];
    };
}

// Each with its `Kind`. Those that run anywhere change nothing but the namespaces that they make.
// The first four unload nf_conntrack, which no longer goes once iptables has been used.
scenarios! {
    Once conntrack_not_loaded_is_told
    Once conntrack_loaded_anew_is_counted_again
    Probes background_evictions_are_told_apart
    Once doctor_changes_nothing
    Core tcp_connections_count_by_port
    Core udp_icmp_and_ipv6_count
    Probes namespaces_do_not_mix
    Probes entries_of_conntrack_tools_count
    Probes expired_entries_count
    Core evictions_of_a_full_table_agree
    Core refusals_of_a_full_table_agree
    Core drops_names_every_refused_connection
    Core drops_shows_victim_and_newcomer
    Probes drops_writes_packets_that_tshark_reads
    Probes drops_shows_invalid_packets_when_asked
    Once drops_ends_in_order
    Once apply_is_taken_back_unless_confirmed
    Once apply_edits_the_tables_of_the_active_iptables
    Once systemd_takes_rules_back
    Once verify_proves_rules_that_work
    Probes netlink_counts_what_probes_count
    Once status_of_a_full_table_is_the_kernels
    Once refusals_are_attributed_without_probes
    Probes sweep_of_all_ports_loses_nothing
    Once signals_end_a_recording_in_order
    Once killed_recording_stays_readable
    Probes translated_connections_are_marked
    Core reopened_connections_end_as_reset
    Core deleted_namespace_ends_its_entries
    Probes large_namespace_ends_its_entries
    Core processors_come_and_go
    Core nested_softirqs_count
    Core two_recorders_count_everything
    Once clock_steps_leave_counts_and_rates_alone
    Probes million_flows_under_a_fast_reader_balance
    Core flows_on_two_processors_lose_nothing
    Once fentry_misses_nothing_under_a_fast_reader
    Once fentry_gives_way_to_kprobes
    Core clashes_agree
    Core losses_are_explained
    Core event_storm_with_a_stopped_reader_counts_what_it_loses
    Core reused_client_ports_count
    Core exhausted_nat_ports_are_counted
    Probes overlong_chains_agree
    Probes inserts_count_without_their_symbol
    Once missing_means_are_named
    Once ordinary_users_record_with_capabilities
    Once files_that_are_no_recordings_are_refused
    Once full_disk_keeps_what_was_written
    Once existing_file_is_not_overwritten
    Anywhere netlink_counts_are_those_of_the_table
    Anywhere netlink_tells_who_is_refused_and_evicted
    Anywhere netlink_overruns_are_told_and_made_good
}
