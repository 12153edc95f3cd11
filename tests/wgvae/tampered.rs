//! The CPU as a device on which steps are run otherwise than they should: not at all, wrongly, or until
//! it is lost.

use std::collections::BTreeMap;
use wgvae::Result;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{
    Blocking, Description, Device, Launch, LogRow, Memory, Profiled, ProgramId, Reals, Roofs,
    Source, Ticket, TimedSteps, Traffic, Tunable, Values,
};
use wgvae::graph::{Plan, Step, Tensor};
use wgvae::kernel::{Kernel, Variant};

/// What runs a plan's steps, one at a time.
type Run<'a> = Box<dyn FnMut(&mut CpuSession<f32>, ProgramId, &[Step]) -> Result<()> + Send + 'a>;

pub(crate) struct Tampered<'a> {
    cpu: CpuSession<f32>,
    run: Run<'a>,
    timed: Box<dyn FnMut(&mut TimedSteps) + Send + 'a>,
    /// Whether a step is under way.
    is_full: bool,
}

impl<'a> Tampered<'a> {
    pub(crate) fn new(
        run: impl FnMut(&mut CpuSession<f32>, ProgramId, &[Step]) -> Result<()> + Send + 'a,
    ) -> Self {
        Self { cpu: CpuSession::new(), run: Box::new(run), timed: Box::new(|_| {}), is_full: false }
    }

    /// The same device with other times of steps.
    pub(crate) fn timed(self, timed: impl FnMut(&mut TimedSteps) + Send + 'a) -> Self {
        Self { timed: Box::new(timed), ..self }
    }
}

impl Device for Tampered<'_> {
    fn submit(&mut self, program: ProgramId, steps: &[Step]) -> Result<usize> {
        if std::mem::replace(&mut self.is_full, true) {
            return Ok(0);
        }
        (self.run)(&mut self.cpu, program, &steps[..1])?;
        Ok(1)
    }

    fn description(&self) -> &Description {
        self.cpu.description()
    }

    fn check_memory(&self, plans: &[&Plan]) -> Result<Memory> {
        self.cpu.check_memory(plans)
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        self.cpu.load(plan)
    }

    fn unload(&mut self, program: ProgramId) -> Result<()> {
        self.cpu.unload(program)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.cpu.tensor(name)
    }

    fn write_rows(&mut self, name: &str, first: usize, values: Values) -> Result<()> {
        self.cpu.write_rows(name, first, values)
    }

    fn request(&mut self, source: Source) -> Result<Ticket> {
        self.cpu.request(source)
    }

    fn poll(&mut self) -> Result<bool> {
        self.is_full = false;
        self.cpu.poll()
    }

    fn take(&mut self, ticket: Ticket) -> Option<Reals> {
        self.cpu.take(ticket)
    }

    fn take_rows(&mut self) -> Vec<LogRow> {
        self.cpu.take_rows()
    }

    fn memory(&self) -> Memory {
        self.cpu.memory()
    }

    fn traffic(&self) -> Traffic {
        self.cpu.traffic()
    }
}

impl Blocking for Tampered<'_> {
    fn wait(&mut self) -> Result<bool> {
        Ok(std::mem::take(&mut self.is_full) | self.cpu.wait()?)
    }
}

impl Tunable for Tampered<'_> {
    fn variants(&self, kernel: &Kernel) -> Vec<Variant> {
        self.cpu.variants(kernel)
    }

    fn force(&mut self, variant: Option<Variant>) {
        self.cpu.force(variant);
    }

    fn choices(&self) -> BTreeMap<String, String> {
        self.cpu.choices()
    }
}

impl Profiled for Tampered<'_> {
    fn launches(&self, program: ProgramId) -> Result<Vec<Launch>> {
        self.cpu.launches(program)
    }

    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        let mut timed = self.cpu.time_steps(program, steps)?;
        (self.timed)(&mut timed);
        Ok(timed)
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        self.cpu.poison(program)
    }

    fn pace(&mut self) -> Result<f64> {
        self.cpu.pace()
    }

    fn roofs(&mut self) -> Result<Roofs> {
        self.cpu.roofs()
    }
}
