//! A reader that is stopped while entries come and go.

use std::{
    io::{BufRead, BufReader, Lines, Write, stdin, stdout},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use ctwatch::model::dump::DumpKind;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    listen,
    namespace::{count, in_a_namespace, is_skipped, run, udp_flows},
    total,
};

/// A listener in a process of its own, which can be stopped.
struct Apart {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What it answers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    inserted: u64,
    ended: u64,
    lost: u64,
    resynced_inserted: u64,
    resynced_ended: u64,
}

impl Apart {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "stopped::a_listener_apart",
                "--nocapture",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut apart = Self {
            process,
            orders,
            answers,
        };
        apart.read();
        apart
    }

    /// What moved since the last call.
    fn read(&mut self) -> Answer {
        writeln!(self.orders).unwrap();
        let lines = self.answers.by_ref().map(Result::unwrap);
        let line = lines
            .filter_map(|line| line.strip_prefix("figures ").map(str::to_owned))
            .next()
            .unwrap();
        let figures: Vec<u64> = line.split(' ').map(|it| it.parse().unwrap()).collect();
        Answer {
            inserted: figures[0],
            ended: figures[1],
            lost: figures[2],
            resynced_inserted: figures[3],
            resynced_ended: figures[4],
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32);
        kill(pid, signal).unwrap();
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test: what [`Apart`] starts.
#[test]
#[ignore = "started by another test"]
fn a_listener_apart() {
    let mut listener = listen();
    for _ in stdin().lines() {
        // A loss is made good for by a dump that the listener makes by itself; one more shows that it is right.
        listener.start_dumps(DumpKind::Periodic);
        for dump in listener.wait_dumps() {
            dump.unwrap();
        }
        let reading = listener.read(&[]);
        let all = total(&reading);
        let losses = reading.losses;
        writeln!(
            stdout(),
            "figures {} {} {} {} {}",
            all.inserted,
            all.ended.total(),
            losses.events_lost.unwrap(),
            losses.resynced_inserted,
            losses.resynced_ended
        )
        .unwrap();
    }
}

#[test]
fn what_a_stopped_reader_missed_is_told_and_made_good_for() {
    if is_skipped("what_a_stopped_reader_missed_is_told_and_made_good_for") {
        return;
    }
    in_a_namespace(|| {
        let mut apart = Apart::start();
        udp_flows(0, 10_000, 9_000);
        assert_eq!(apart.read().inserted, 10_000);

        apart.signal(Signal::SIGSTOP);
        udp_flows(10_000, 60_000, 9_000);
        run("conntrack -F");
        udp_flows(70_000, 5_000, 9_000);
        apart.signal(Signal::SIGCONT);
        thread::sleep(Duration::from_millis(100));
        let answer = apart.read();
        assert!(answer.lost > 10_000, "{answer:?}");
        // Some entries came and went without a trace; what is there now is known again.
        let known = 10_000 + answer.inserted - answer.ended;
        assert_eq!((known, count()), (5_000, 5_000), "{answer:?}");
        assert!(answer.resynced_inserted > 0 && answer.resynced_ended > 0);
        let unseen = 65_000 + 70_000 - (answer.inserted + answer.ended);
        assert!(unseen <= answer.lost, "{answer:?}");

        udp_flows(200_000, 1_000, 9_000);
        run("conntrack -F");
        let after = apart.read();
        let exact = Answer {
            inserted: 1_000,
            ended: 6_000,
            ..Answer::default()
        };
        assert_eq!(after, exact);
    });
}
