//! A namespace that is deleted with 100,000 entries ends them all, each by that cause and with what it was.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::lab::{
    check::equal,
    fill::{self, Kind},
    limit,
    recorder::Recorder,
    recording::ENDED,
    setting::Setting,
    world::World,
};

const REPLIED: (u16, u64) = (443, 60_000);
const UNREPLIED: (u16, u64) = (514, 40_000);

pub(crate) fn run() -> Result<()> {
    let _room = limit::room_for(REPLIED.1 + UNREPLIED.1 + 1_000)?;
    let _buckets = Setting::buckets(65_536)?;
    let world = World::create("large")?;
    let netns = world.node.inode()?;
    let of = format!("n.inode = {netns}");
    let recorder = Recorder::start(&[])?;
    fill::table(&world, REPLIED.1, REPLIED.0, Kind::Assured)?;
    fill::table(&world, UNREPLIED.1, UNREPLIED.0, Kind::Unreplied)?;
    let all = (REPLIED.1 + UNREPLIED.1).cast_signed();
    equal("entries", world.figures()?.count, all)?;
    drop(world);
    // The kernel cleans up in the background.
    let deadline = Instant::now() + Duration::from_secs(90);
    while recorder.recording()?.sum(ENDED, &of)? < all && Instant::now() < deadline {
        sleep(Duration::from_millis(500));
    }
    let recording = recorder.stop()?;
    recording.lost_nothing()?;
    for ((port, entries), unreplied) in [(REPLIED, 0), (UNREPLIED, 1)] {
        let of = format!("{of} AND port = {port} AND role = 'inbound'");
        let what = |what: &str| format!("port {port}: {what}");
        let entries = entries.cast_signed();
        equal(&what("inserted"), recording.sum("inserted", &of)?, entries)?;
        equal(&what("ended with the namespace"), recording.sum("netns_gone", &of)?, entries)?;
        equal(&what("ended"), recording.sum(ENDED, &of)?, entries)?;
        equal(&what("unreplied"), recording.sum("unreplied", &of)?, entries * unreplied)?;
        equal(&what("assured"), recording.sum("assured", &of)?, entries * (1 - unreplied))?;
    }
    Ok(())
}
