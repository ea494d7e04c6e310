#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{sync::mpsc::channel, time::Duration};

use super::{super::super::opener::InPerson, *};

/// A worker with nothing to listen to.
fn worker(notes: &Notes) -> Worker {
    let (orders, outcomes) = (channel().1, channel().0);
    let rounds = Rounds::new(Arc::new(InPerson), outcomes, notes.clone());
    let wake = Arc::new(EventFd::new().unwrap());
    Worker::new(
        orders,
        rounds,
        wake,
        Instant::now(),
        Vec::new(),
        notes.clone(),
    )
}

#[test]
fn events_that_cost_too_much_are_given_up_and_it_is_said_what_they_cost() {
    let notes = Notes::default();
    notes.set_events(true);
    let mut worker = worker(&notes);
    worker.keep_limits();
    assert!(notes.has_events() && notes.all().is_empty());

    worker.price = Price::of(Duration::from_secs(4), Duration::from_secs(10));
    worker.keep_limits();
    assert!(!notes.has_events());
    let said = notes.all();
    assert!(
        said[0].starts_with("conntrack events took 40 % of a core"),
        "{said:?}"
    );
    worker.keep_limits();
    assert_eq!(notes.all().len(), 1);
}

#[test]
fn a_worker_ends_when_nobody_can_give_orders() {
    worker(&Notes::default()).listen();
}
