//! Devices that fail.

use super::{End, Fallible, config, data};
use std::collections::BTreeMap;
use std::sync::Arc;
use wgvae::checkpoint::{Checkpoint, FILE_NAME};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{
    Description, Launch, LogRow, Memory, ProgramId, Roofs, Session, TimedSteps, Traffic, Values,
};
use wgvae::file::System;
use wgvae::graph::{Plan, TensorId};
use wgvae::kernel::{Kernel, Step, Variant};
use wgvae::train::{Config, Ended, Run};
use wgvae::{Error, Result};

/// The CPU, until it is lost with its so-manyth hand-out of steps.
struct Failing {
    cpu: CpuSession<f32>,
    runs: usize,
}

impl Session for Failing {
    fn run(&mut self, program: ProgramId, steps: &[Step]) -> Result<()> {
        if self.runs == 0 {
            return Err(Error::Device {
                adapter: "a GPU".to_owned(),
                step: steps.first().map(|step| step.index.into()),
                message: "the device was lost".to_owned(),
            });
        }
        self.runs -= 1;
        self.cpu.run(program, steps)
    }

    fn description(&self) -> &Description {
        self.cpu.description()
    }

    fn variants(&self, kernel: &Kernel) -> Vec<Variant> {
        self.cpu.variants(kernel)
    }

    fn force(&mut self, variant: Option<Variant>) {
        self.cpu.force(variant);
    }

    fn choices(&self) -> BTreeMap<String, String> {
        self.cpu.choices()
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        self.cpu.load(plan)
    }

    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        self.cpu.write(name, values)
    }

    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        self.cpu.read(name)
    }

    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        self.cpu.read_output(program, tensor)
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        self.cpu.poison(program)
    }

    fn launches(&self, program: ProgramId) -> Vec<Launch> {
        self.cpu.launches(program)
    }

    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        self.cpu.time_steps(program, steps)
    }

    fn memory(&self) -> Memory {
        self.cpu.memory()
    }

    fn steps_at_once(&self, _: ProgramId) -> usize {
        1
    }

    fn take_log(&mut self, wait: bool) -> Result<Vec<LogRow>> {
        self.cpu.take_log(wait)
    }

    fn traffic(&self) -> Traffic {
        self.cpu.traffic()
    }

    fn pace(&mut self) -> Result<f64> {
        self.cpu.pace()
    }

    fn roofs(&mut self) -> Result<Roofs> {
        self.cpu.roofs()
    }
}

/// The steps that each device does before it is lost, evaluation and pictures counted, too.
const LOST_AFTER: [usize; 3] = [0, 6, 13];

#[test]
fn a_run_goes_on_when_a_device_is_lost() -> Fallible<()> {
    let (data, folder) = (data()?, tempfile::tempdir()?);
    let config = Config { checkpoint_every: Some("5".parse()?), ..config() };
    let persist = |name: &str, lost_after: &[usize], retries| {
        let folder = folder.path().join(name);
        let is_interrupted = &|| false;
        let files = Arc::new(System);
        let run = Run { config: &config, data: &data, folder: &folder, files, is_interrupted };
        let mut opened = 0;
        let open = || {
            let runs = lost_after.get(opened).copied().unwrap_or(usize::MAX);
            opened += 1;
            Ok(Box::new(Failing { cpu: CpuSession::new(), runs }) as Box<dyn Session>)
        };
        (run.persist(false, retries, open, |_| Ok(())), folder)
    };
    let (ended, undisturbed) = persist("undisturbed", &[], 0);
    assert_eq!(ended?, Ended::Finished);
    let (ended, run) = persist("run", &LOST_AFTER, LOST_AFTER.len() as u32);
    assert_eq!(ended?, Ended::Finished);
    assert!(End::of(&run)? == End::of(&undisturbed)?);
    let (ended, run) = persist("given up", &LOST_AFTER, LOST_AFTER.len() as u32 - 1);
    match ended {
        Err(Error::Device { message, .. }) => assert_eq!(message, "the device was lost"),
        other => panic!("{other:?}"),
    }
    assert_eq!(Checkpoint::load(&run.join(FILE_NAME))?.state.position.step, 15);
    Ok(())
}
