//! The table as text: `conntrack -L` in all its forms, and /proc/net/nf_conntrack. Forms may be mixed; each line is
//! told by its content. Lines that are no entries are counted and left out.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    panic,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::model::{listed::Listed, listing::Listing};

mod blocks;
mod cursor;
mod damage;
mod line;
mod list;
mod parts;
mod save;
#[cfg(test)]
mod tests;
mod told;
mod xml;

use blocks::{Block, Blocks};
use told::Told;

pub use damage::{Damage, What};
pub use line::{Form, Kind, parse};
pub use parts::blank;

/// Who takes the entries of a listing.
pub trait Sink: Send {
    /// Takes an entry; may end it all.
    fn take(&mut self, listed: &Listed) -> ControlFlow<()>;

    /// There are no more entries for this one: the time to do, beside the others, what need not wait for them.
    fn end(&mut self) {}
}

/// Reads a stream, with a thread for each of the sinks. Gives back the sinks, and what was read.
///
/// # Errors
/// When the stream cannot be read.
pub fn scan<R, S>(stream: R, sinks: Vec<S>) -> io::Result<(Vec<S>, Listing)>
where
    R: Read + Send,
    S: Sink,
{
    let blocks = Mutex::new(Blocks::new(stream));
    let blocks = &blocks;
    let finished: Vec<io::Result<(S, Told)>> = thread::scope(|scope| {
        let threads: Vec<_> = sinks
            .into_iter()
            .map(|sink| scope.spawn(move || work(blocks, sink)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|p| panic::resume_unwind(p)))
            .collect()
    });
    let (mut sinks, mut told) = (Vec::new(), Vec::new());
    for result in finished {
        let (sink, of_thread) = result?;
        sinks.push(sink);
        told.push(of_thread);
    }
    Ok((sinks, told::listing(told)))
}

/// Takes block after block, until there is none left.
fn work<R: Read, S: Sink>(blocks: &Mutex<Blocks<R>>, mut sink: S) -> io::Result<(S, Told)> {
    let (mut told, mut block) = (Told::default(), Block::new());
    let take = |block: &mut Block| {
        let mut blocks = blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.take(block)
    };
    while take(&mut block)? {
        if read(&block, &mut told, &mut sink).is_break() {
            break;
        }
    }
    sink.end();
    Ok((sink, told))
}

fn read<S: Sink>(block: &Block, told: &mut Told, sink: &mut S) -> ControlFlow<()> {
    told.begin(block.number);
    let (mut rest, mut listed) = (block.text(), blank());
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        told.line();
        let parsed = if block.is_cut && end.is_none() {
            Err(Damage::at(line.len(), What::TooLong))
        } else {
            parse(line, &mut listed)
        };
        match parsed {
            Ok(Kind::Between) => {}
            Ok(Kind::Entry(form, unknown)) => {
                told.entry(form, unknown);
                sink.take(&listed)?;
            }
            Err(damage) => told.damaged(damage, line),
        }
    }
    ControlFlow::Continue(())
}
