use std::os::unix::fs::PermissionsExt;

use ctwatch::model::{
    counters::Counters, endpoint::Netns, recording::Recording, table::KernelStats,
};
use insta::assert_snapshot;

use crate::{
    fixture,
    program::{Place, Said},
};

pub(crate) fn of(recording: &Recording, arguments: &[&str]) -> Said {
    let place = Place::new();
    place.record("ctwatch.db", recording);
    let said = place.report(arguments);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(
        said.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        said.out
    );
    said
}

/// The first forty seconds: growing, not full.
fn before_it_was_full() -> Recording {
    let mut recording = fixture::incident();
    recording.samples.truncate(41);
    recording.dumps.truncate(1);
    recording.ended_ms = Some(fixture::STARTED_MS + 40_000);
    recording.ledger = Some(fixture::ledger(&recording));
    recording
}

#[test]
fn the_first_lines_say_that_it_is_full_since_when_by_whom_and_who_paid() {
    let said = of(&fixture::incident(), &[]);
    assert_snapshot!(said.out);
    assert_eq!(said.err, "");
}

#[test]
fn a_table_that_is_not_full_says_when_it_will_be() {
    assert_snapshot!(of(&before_it_was_full(), &["--by", "port", "--top", "3"]).out);
}

#[test]
fn the_course_in_as_many_stretches_as_asked_for() {
    assert_snapshot!(of(&fixture::incident(), &["--by", "time", "--top", "8"]).out);
}

#[test]
fn one_port_alone_beside_the_whole_table() {
    assert_snapshot!(of(&fixture::incident(), &["--port", "53"]).out);
}

#[test]
fn json_has_everything() {
    assert_snapshot!(
        of(
            &fixture::incident(),
            &["-o", "json", "--by", "time", "--top", "2"]
        )
        .out
    );
}

#[test]
fn through_netlink_events_the_kernels_figures_tell_what_it_cost() {
    let said = of(&fixture::by_netlink(), &[]);
    assert_snapshot!(said.out);
    assert!(said.err.contains("has no kprobes"), "{}", said.err);
    let json: serde_json::Value =
        serde_json::from_str(&of(&fixture::by_netlink(), &["-o", "json"]).out).unwrap();
    let port = &json["ports"][0];
    assert!(port["insert_failed"].is_null() && port["clash_merged"].is_null());
    assert!(port["evicted_background"].is_null() && port["ended"]["evicted_background"].is_null());
    assert!(port["refused"].as_u64() > Some(0));
    let probes: serde_json::Value =
        serde_json::from_str(&of(&fixture::incident(), &["-o", "json"]).out).unwrap();
    for figure in ["refused", "evicted", "full_first", "full_seconds", "count"] {
        assert_eq!(
            json["namespaces"][0][figure], probes["namespaces"][0][figure],
            "{figure}"
        );
    }
}

#[test]
fn dumps_alone_name_nobody_who_paid_and_never_say_that_nobody_did() {
    let said = of(&fixture::by_dumps(), &[]).out;
    assert_snapshot!(said);
    assert!(!said.contains("0 refused"));
    let mut unread = fixture::by_dumps();
    for sample in &mut unread.samples {
        sample.tables[0].stats = None;
        sample.unattributed.refused = 0;
    }
    unread.ledger = Some(fixture::ledger(&unread));
    let said = of(&unread, &[]).out;
    assert!(
        said.contains("Paid: not known, refused and evicted were not seen"),
        "{said}"
    );
}

#[test]
fn several_namespaces_are_told_apart_and_the_worst_comes_first() {
    let mut recording = fixture::incident();
    let quiet = Netns {
        cookie: 7,
        inode: 4_026_532_201,
    };
    for sample in &mut recording.samples {
        let mut table = sample.tables[0];
        table.netns = quiet;
        table.count = Some(40);
        table.stats = None;
        sample.tables.push(table);
        let mut delta = sample.deltas.first().copied();
        if let Some((endpoint, counters)) = &mut delta {
            endpoint.netns = quiet;
            *counters = Counters {
                inserted: 5,
                ..Counters::default()
            };
            counters.ended.expired = 5;
        }
        sample.deltas.extend(delta);
    }
    recording
        .node
        .namespaces
        .push(ctwatch::model::node::Namespace {
            netns: quiet,
            name: Some("blue".to_owned()),
            own: false,
        });
    recording.ledger = None;
    recording.ended_ms = None;
    let place = Place::new();
    place.record("ctwatch.db", &recording);
    let all = place.report(&["--top", "2"]);
    assert_snapshot!(all.out);
    let widest = all.out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{}", all.out);
    assert!(all.err.contains("did not end in order"), "{}", all.err);
    let by_name = place.report(&["--netns", "blue", "--by", "netns"]).out;
    let by_inode = place
        .report(&["--netns", "4026532201", "--by", "netns"])
        .out;
    assert_eq!(by_name, by_inode);
    assert!(by_name.contains("4026532201 blue") && !by_name.contains("4026531840"));
}

#[test]
fn what_was_not_measured_is_a_dash_and_null() {
    let mut recording = before_it_was_full();
    recording.dumps.clear();
    recording.node.hz = None;
    recording.lifetimes.clear();
    for sample in &mut recording.samples {
        sample.tables.clear();
        sample.losses.probe_misses = None;
    }
    recording.ledger = Some(fixture::ledger(&recording));
    assert_snapshot!(of(&recording, &["--top", "2"]).out);
    let json: serde_json::Value =
        serde_json::from_str(&of(&recording, &["-o", "json"]).out).unwrap();
    assert!(json["namespaces"][0]["count"].is_null());
    assert!(json["ports"][0]["mean_lifetime_seconds"].is_null());
    assert!(json["ports"][0]["lifetime_quantiles_seconds"]["p50"].is_null());
    assert!(json["ledger"]["losses"]["probe_misses"].is_null());
}

#[test]
fn a_recording_in_which_nothing_happened_is_no_error() {
    let mut recording = before_it_was_full();
    recording.samples.clear();
    recording.dumps.clear();
    recording.ledger = Some(ctwatch::model::ledger::Ledger::default());
    assert_snapshot!(of(&recording, &[]).out);
}

#[test]
fn a_table_that_was_full_says_when() {
    let mut recording = fixture::incident();
    let relieve = |sample: &mut ctwatch::model::sample::Sample| {
        sample.tables[0].count = Some(30_000);
        for (_, counters) in &mut sample.deltas {
            (counters.refused, counters.ended.evicted) = (0, 0);
        }
    };
    recording.samples[100..].iter_mut().for_each(relieve);
    let line = |recording: &Recording| of(recording, &[]).out.lines().nth(1).map(str::to_owned);
    assert_eq!(
        line(&recording).unwrap(),
        "WAS FULL for 17 s between 03:01:23Z and 03:01:39Z; now 46 % full: 30,000 of 65,536 entries"
    );
    let last = recording.samples.last_mut().unwrap();
    last.tables[0].count = Some(fixture::MAX);
    assert_eq!(
        line(&recording).unwrap(),
        "FULL: 65,536 of 65,536 entries; full for 18 s between 03:01:23Z and 03:02:00Z"
    );
}

#[test]
fn colours_only_when_asked_for() {
    let recording = fixture::incident();
    assert!(!of(&recording, &[]).out.contains('\x1b'));
    let place = Place::new();
    place.record("ctwatch.db", &recording);
    assert!(
        place
            .report(&["--color", "always"])
            .out
            .contains("\x1b[1;31mFULL\x1b[0m")
    );
}

#[test]
fn whoever_stops_reading_causes_no_error() {
    let place = Place::new();
    place.record("ctwatch.db", &fixture::incident());
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let output = place.command().stdout(write).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// Needs root to become somebody else; root itself may write everywhere.
#[test]
fn anybody_reads_it_from_a_directory_he_cannot_write() {
    use std::os::unix::process::CommandExt;
    let place = Place::new();
    place.record("finished.db", &fixture::incident());
    let mut cut_off = fixture::incident();
    (cut_off.ended_ms, cut_off.ledger) = (None, None);
    place.record("killed.db", &cut_off);
    for suffix in ["", "-wal"] {
        let copy = place.path(&format!("no-index.db{suffix}"));
        std::fs::copy(place.path(&format!("killed.db{suffix}")), copy).unwrap();
    }
    let program = place.program_for_anybody();
    let read_only = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(place.directory.path(), read_only).unwrap();
    let before = names(&place);
    for name in ["finished.db", "killed.db", "no-index.db"] {
        let mut command = std::process::Command::new(&program);
        command
            .args(["report", "--by", "netns"])
            .arg(place.path(name));
        if nix::unistd::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        } else {
            println!("as root, this would also be tried by another user");
        }
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.status, 0, "{name}: {}", said.err);
        assert!(
            said.out.contains("full since 03:01:23Z"),
            "{name}: {}",
            said.out
        );
    }
    assert_eq!(names(&place), before);
    let writable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.directory.path(), writable).unwrap();
}

fn names(place: &Place) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(place.directory.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn every_field_of_the_json_is_documented() {
    let document = include_str!("../../../docs/report.md");
    let said = of(&fixture::incident(), &["-o", "json"]);
    let mut fields = Vec::new();
    collect_fields(&serde_json::from_str(&said.out).unwrap(), &mut fields);
    assert!(fields.len() > 60);
    for field in fields {
        // Lists stand as `ports[]`.
        let named =
            document.contains(&format!("`{field}`")) || document.contains(&format!("`{field}[]`"));
        assert!(named, "{field}");
    }
}

/// Names of fields, but not those of counters by cause, state or kind of loss.
fn collect_fields(value: &serde_json::Value, fields: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                fields.push(name.clone());
                if !["ended", "states", "unattributed", "losses"].contains(&name.as_str())
                    || value.is_array()
                {
                    collect_fields(value, fields);
                }
            }
        }
        serde_json::Value::Array(values) => {
            values
                .iter()
                .for_each(|value| collect_fields(value, fields));
        }
        _ => {}
    }
}

#[test]
fn a_namespace_in_which_nothing_was_tracked_is_only_counted() {
    let alone = of(&fixture::incident(), &[]).out;
    let mut recording = fixture::incident();
    for sample in &mut recording.samples {
        let mut table = sample.tables[0];
        table.netns.inode = 4_026_532_202;
        table.netns.cookie = 8;
        table.count = Some(0);
        table.stats = table.stats.map(|_| KernelStats::default());
        sample.tables.push(table);
    }
    recording.ledger = Some(fixture::ledger(&recording));
    let said = of(&recording, &[]).out;
    let line = "Network namespaces in which nothing was tracked: 1 (--by netns)\n";
    assert_eq!(said, alone + line);
    let listed = of(&recording, &["--by", "netns"]).out;
    assert!(listed.contains("4026532202"), "{listed}");
}
