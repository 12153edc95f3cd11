//! A long run holds no more at its end than after its first steps. By itself, since other tests in one
//! process would be counted, too.

use std::cell::RefCell;
use std::error::Error;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::Session;
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::{Adapters, Gpu, GpuSession};
use wgvae::random::pixels;
use wgvae::train::{Config, Report, Run};

type Fallible<T> = Result<T, Box<dyn Error>>;

const EARLY: u64 = 1_000;
const STEPS: u64 = 20_000;
const STEPS_PER_LOOK: u64 = 250;
/// By the early step some epochs are over, and all that comes at their ends was done.
const STEPS_PER_EPOCH: u64 = 200;
const BATCH: u64 = 8;

/// What allocators and drivers may come to keep: 0.6 MiB on the CPU, 2 on llvmpipe, 4 on SwiftShader.
const SLACK: u64 = 8 << 20;

/// The same from the second quarter of the steps to the last, when most of that is there: up to 1.2 MiB on
/// SwiftShader, less elsewhere. A leak of 256 bytes a step would be 2.4 MiB.
const LATE_SLACK: u64 = 2 << 20;

/// What is held after a step.
#[derive(Clone, Copy, Debug)]
struct Held {
    step: u64,
    /// Bytes of the process that are in memory.
    resident: u64,
    /// wgpu's buffers, and the bytes in them.
    buffers: [isize; 2],
}

impl Held {
    fn now(step: u64, gpu: Option<&Gpu>) -> Self {
        let pid = Pid::from_u32(std::process::id());
        let mut system = System::new();
        let (which, what) =
            (ProcessesToUpdate::Some(&[pid]), ProcessRefreshKind::nothing().with_memory());
        system.refresh_processes_specifics(which, false, what);
        let resident = system.process(pid).map_or(0, sysinfo::Process::memory);
        assert!(resident > 0, "the system does not say what memory the process has");
        Self { step, resident, buffers: gpu.map_or([0; 2], Gpu::allocations) }
    }
}

fn images(count: u64, seed: u64) -> Fallible<Dataset> {
    let size = Size::new(3, 3).ok_or("a size")?;
    Ok(Dataset::new(Levels::Bytes(pixels(count as usize * 9, seed)), size)?)
}

fn check(session: &mut dyn Session, gpu: Option<&Gpu>) -> Fallible<()> {
    let data = Split::new(images(STEPS_PER_EPOCH * BATCH, 1)?, images(20, 2)?);
    let config = Config {
        hidden: vec![5, 3],
        batch: BATCH as usize,
        epochs: (STEPS / STEPS_PER_EPOCH) as u32,
        ..Config::default()
    };
    let folder = tempfile::tempdir()?;
    let held = RefCell::new(Vec::new());
    let path = folder.path().join("run");
    Run::new(&config, &data, &path).begin(session, |report| {
        if let Report::Step(step) = report
            && step.step >= EARLY
            && step.step.is_multiple_of(STEPS_PER_LOOK)
        {
            held.borrow_mut().push(Held::now(step.step, gpu));
        }
        Ok(())
    })?;
    let held = held.into_inner();
    let name = session.description();
    assert!(gpu.is_none() || held.iter().all(|held| held.buffers[0] > 0), "{held:?}");
    // The least of a quarter of the steps: at times an allocator keeps what a picture took.
    let least = |quarter: u64| {
        let steps = quarter * STEPS / 4..(quarter + 1) * STEPS / 4 + 1;
        let within = held.iter().filter(|held| steps.contains(&held.step));
        within.map(|held| held.resident).min().ok_or("no look")
    };
    let quarters = [least(0)?, least(1)?, least(2)?, least(3)?];
    println!("{name}: {quarters:?}");
    let [early, second, _, late] = quarters;
    assert!(late <= early + SLACK, "{name}: {held:?}");
    // A system that reclaims pages that are not in use may have fewer in memory later on.
    assert!(late <= second.max(early) + LATE_SLACK, "{name}: {held:?}");
    let buffers = |held: Option<&Held>| held.map(|held| held.buffers);
    assert_eq!(buffers(held.last()), buffers(held.first()), "{name}: {held:?}");
    Ok(())
}

#[test]
fn memory_does_not_grow() -> Fallible<()> {
    check(&mut CpuSession::<f32>::new(), None)?;
    let adapters = Adapters::enumerate();
    let gpu =
        adapters.open(adapters.best(true)?.ok_or("no GPU adapter: install a Vulkan driver")?)?;
    check(&mut GpuSession::new(gpu.clone()), Some(&gpu))
}
