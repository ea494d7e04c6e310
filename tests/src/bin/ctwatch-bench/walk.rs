//! A walk over the counters of 65,536 endpoints in use, timed.
//!
//! The arrays are files in memory with the layout of the maps: to who reads them it makes no difference who else has
//! them mapped, and so it needs neither root nor a kernel with eBPF.

use std::{fs::File, hint::black_box, os::unix::fs::FileExt as _, time::Instant};

use anyhow::{Context as _, Result, ensure};
use bytemuck::Pod;
use ctwatch::source::kernel::counters::{Clock, CounterReader, MapFds};
use ctwatch_common::{
    endpoint::{AF_INET, EndpointKey, role},
    limits::{HISTOGRAMS, SLOTS},
    loss::Losses,
    shared::Shared,
    slot::{Cold, Histogram, Hot, Owner},
};
use serde::Serialize;

const ENDPOINTS: u32 = 65_536;
const CHANGES: u32 = 300;
const ROUNDS: u32 = 101;
/// More than a processor's caches hold.
const EVICTION: usize = 256 << 20;

/// Milliseconds a walk takes.
#[derive(Serialize)]
struct Walk {
    endpoints: u32,
    cpus: u32,
    changes: u32,
    /// One walk after the other.
    warm: Spread,
    /// After something else used the caches, as it is when walks are a second apart.
    cold: Spread,
    /// Every endpoint has changed.
    all_changed: Spread,
}

#[derive(Serialize)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

pub(crate) fn run() -> Result<()> {
    let cpus = std::thread::available_parallelism()?.get() as u32;
    let mut arrays = Arrays::new(cpus)?;
    let mut reader = CounterReader::new(
        &arrays.fds,
        cpus,
        Clock {
            hz: Some(250),
            attached_ns: 0,
        },
        false,
    )?;
    reader.read();
    let mut other = vec![0_u8; EVICTION];
    let warm = arrays.time(&mut reader, CHANGES, || {})?;
    let cold = arrays.time(&mut reader, CHANGES, || {
        other
            .iter_mut()
            .step_by(64)
            .for_each(|line| *line = line.wrapping_add(1));
        black_box(&other);
    })?;
    let all_changed = arrays.time(&mut reader, ENDPOINTS, || {})?;
    let walk = Walk {
        endpoints: ENDPOINTS,
        cpus,
        changes: CHANGES,
        warm,
        cold,
        all_changed,
    };
    println!("{}", serde_json::to_string(&walk)?);
    Ok(())
}

/// The kernel side's arrays.
struct Arrays {
    fds: MapFds<File>,
    inserted: u32,
}

impl Arrays {
    /// Every endpoint but slot 0 has an owner and has counted something on every CPU.
    fn new(cpus: u32) -> Result<Self> {
        let fds = MapFds {
            hot: file::<Hot>(SLOTS * cpus)?,
            cold: file::<Cold>(SLOTS * cpus)?,
            owners: file::<Owner>(SLOTS)?,
            losses: file::<Losses>(cpus)?,
            shared: file::<Shared>(1)?,
            histograms: file::<Histogram>(HISTOGRAMS)?,
        };
        for slot in 1..=ENDPOINTS {
            put(&fds.owners, slot, &owner(slot))?;
            for cpu in 0..cpus {
                put(
                    &fds.hot,
                    cpu * SLOTS + slot,
                    &Hot {
                        inserted: 1,
                        ..Hot::default()
                    },
                )?;
            }
        }
        let run_end = ENDPOINTS + 1;
        put(
            &fds.losses,
            0,
            &Losses {
                run_end,
                ..Losses::default()
            },
        )?;
        Ok(Self { fds, inserted: 1 })
    }

    /// Walks again and again, after `changes` endpoints have changed and `before` was done.
    fn time(
        &mut self,
        reader: &mut CounterReader,
        changes: u32,
        mut before: impl FnMut(),
    ) -> Result<Spread> {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            self.inserted += 1;
            for n in 0..changes {
                // Spread over all slots.
                let slot = 1 + n * (ENDPOINTS / changes);
                put(
                    &self.fds.hot,
                    slot,
                    &Hot {
                        inserted: self.inserted,
                        ..Hot::default()
                    },
                )?;
            }
            before();
            let started = Instant::now();
            let reading = black_box(reader.read());
            times.push(started.elapsed().as_secs_f64() * 1e3);
            ensure!(
                reading.deltas.len() == changes as usize,
                "{} endpoints changed",
                reading.deltas.len()
            );
        }
        times.sort_by(f64::total_cmp);
        let at = |index: usize| times.get(index).copied().context("no walk");
        Ok(Spread {
            least: at(0)?,
            median: at(times.len() / 2)?,
            most: at(times.len() - 1)?,
        })
    }
}

fn owner(slot: u32) -> Owner {
    let key = EndpointKey {
        net_cookie: 1,
        address: [0; 4],
        port: slot as u16,
        protocol: libc::IPPROTO_UDP as u8,
        family: AF_INET,
        role: role::OUTBOUND,
        pad: [0; 3],
    };
    Owner {
        key,
        netns_inode: 1,
        taken: 1,
        histogram: 0,
        pad: 0,
    }
}

fn file<T>(count: u32) -> Result<File> {
    let file = tempfile::tempfile_in("/dev/shm").context("cannot make a file in /dev/shm")?;
    file.set_len(u64::from(count) * size_of::<T>() as u64)?;
    Ok(file)
}

fn put<T: Pod>(file: &File, index: u32, value: &T) -> Result<()> {
    let offset = u64::from(index) * size_of::<T>() as u64;
    Ok(file.write_all_at(bytemuck::bytes_of(value), offset)?)
}
