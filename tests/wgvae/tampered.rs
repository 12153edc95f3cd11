//! The CPU as a device on which steps are run otherwise than they should: not at all, wrongly, or until
//! it is lost.

use std::collections::BTreeMap;
use wgvae::Result;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{
    Description, Launch, LogRow, Memory, ProgramId, Roofs, Session, TimedSteps, Traffic, Values,
};
use wgvae::graph::{Plan, Step, TensorId};
use wgvae::kernel::{Kernel, Variant};

/// What runs a plan's steps, one at a time.
type Run<'a> = Box<dyn FnMut(&mut CpuSession<f32>, ProgramId, &[Step]) -> Result<()> + 'a>;

pub(crate) struct Tampered<'a> {
    cpu: CpuSession<f32>,
    run: Run<'a>,
    timed: Box<dyn FnMut(&mut TimedSteps) + 'a>,
}

impl<'a> Tampered<'a> {
    pub(crate) fn new(
        run: impl FnMut(&mut CpuSession<f32>, ProgramId, &[Step]) -> Result<()> + 'a,
    ) -> Self {
        Self { cpu: CpuSession::new(), run: Box::new(run), timed: Box::new(|_| {}) }
    }

    /// The same device with other times of steps.
    pub(crate) fn timed(self, timed: impl FnMut(&mut TimedSteps) + 'a) -> Self {
        Self { timed: Box::new(timed), ..self }
    }
}

impl Session for Tampered<'_> {
    fn run(&mut self, program: ProgramId, steps: &[Step]) -> Result<()> {
        (self.run)(&mut self.cpu, program, steps)
    }

    fn steps_at_once(&self, _: ProgramId) -> usize {
        1
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

    fn room_for(&self, plans: &[&Plan]) -> Result<Memory> {
        self.cpu.room_for(plans)
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
        let mut timed = self.cpu.time_steps(program, steps)?;
        (self.timed)(&mut timed);
        Ok(timed)
    }

    fn memory(&self) -> Memory {
        self.cpu.memory()
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
