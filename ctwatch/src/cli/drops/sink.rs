//! Where events go: lines to standard output, packets to a file or there instead.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
};

use anyhow::{Context as _, Result};

use super::super::{new_file::NewFile, out::Out};
use crate::{
    analysis::drops::{Explained, Summary, Tally, Watched},
    render::{
        drops::{self as render, pcapng::Pcapng},
        paint::Paint,
    },
};

/// Form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// Columns.
    Text(Paint),
    /// An object each.
    Json,
    /// None: packets go to standard output.
    None,
}

/// A file of packets.
#[derive(Debug)]
struct Packets {
    target: NewFile,
    file: BufWriter<File>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Sink {
    out: Out,
    lines: Lines,
    /// Made with every event that has a packet.
    pcapng: Option<Pcapng>,
    packets: Option<Packets>,
    tally: Tally,
    limit: Option<u64>,
}

impl Sink {
    /// Lines go to standard output, at most `limit` of them.
    pub(super) fn new(lines: Lines, limit: Option<u64>) -> Self {
        let mut out = Out::new(io::stdout());
        if let Lines::Text(paint) = lines {
            out.push(render::heading(paint).as_bytes());
        }
        Self {
            out,
            lines,
            pcapng: None,
            packets: None,
            tally: Tally::default(),
            limit,
        }
    }

    /// Packets go to this file, too, or to standard output where there is none; `kernel` is `uname -r`.
    pub(super) fn add_packets(&mut self, target: Option<NewFile>, kernel: &str) -> Result<()> {
        self.packets = match target {
            Some(target) => Some(Packets {
                file: BufWriter::new(target.create()?),
                target,
            }),
            None => None,
        };
        self.pcapng = Some(Pcapng::default());
        let program = concat!("ctwatch ", env!("CARGO_PKG_VERSION"));
        self.write_packets(&Pcapng::begin(&format!("Linux {kernel}"), program))?;
        self.flush()
    }

    /// Shows these, as far as the limit allows and somebody reads.
    pub(super) fn show(&mut self, events: &[Explained]) -> Result<()> {
        for explained in events {
            if self.is_done() {
                self.tally.leave_out();
                continue;
            }
            self.tally.show(explained);
            match self.lines {
                Lines::Text(paint) => self.out.push(render::line(explained, paint).as_bytes()),
                Lines::Json => self
                    .out
                    .push(format!("{}\n", render::json_line(explained)).as_bytes()),
                Lines::None => {}
            }
            if let Some(blocks) = self.pcapng.as_mut().and_then(|it| it.add(explained)) {
                self.write_packets(&blocks)?;
            }
        }
        self.flush()
    }

    /// Writes what waits, as far as it goes at once.
    pub(super) fn flush(&mut self) -> Result<()> {
        if let Some(packets) = &mut self.packets {
            packets.tell(|file| file.flush())?;
        }
        self.out.advance().context("cannot write the events")
    }

    /// Whether all that was shown has been written.
    pub(super) fn is_idle(&self) -> bool {
        self.out.is_idle()
    }

    /// Whether nothing more is to be shown.
    pub(super) fn is_done(&self) -> bool {
        self.out.is_closed() || self.limit.is_some_and(|limit| self.tally.shown() >= limit)
    }

    /// Writes the rest, an object with the summary included, as long as somebody reads.
    pub(super) fn finish(mut self, watched: Watched) -> Result<Summary> {
        let packets = self.packets.as_ref();
        let file = packets.map(|packets| packets.target.to_string());
        let stdout = || self.pcapng.as_ref().map(|_| "standard output".to_owned());
        let summary = self.tally.summary(watched, file.or_else(stdout));
        if self.lines == Lines::Json {
            let line = format!("{}\n", render::json_summary(&summary));
            self.out.push(line.as_bytes());
        }
        self.out.finish().context("cannot write the events")?;
        Ok(summary)
    }

    fn write_packets(&mut self, blocks: &[u8]) -> Result<()> {
        match &mut self.packets {
            Some(packets) => packets.tell(|file| file.write_all(blocks)),
            None => {
                self.out.push(blocks);
                Ok(())
            }
        }
    }
}

impl Packets {
    fn tell(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
        write(&mut self.file).map_err(|error| self.target.cannot("write", &error))
    }
}
