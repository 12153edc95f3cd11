//! The traits of a device. [`Device`] runs plans and never waits, so that a browser's event loop can
//! drive it; [`Blocking`] waits, for native callers; [`Tunable`] and [`Profiled`] are what only checks
//! and measurements need. A [`Session`] is all of them.

use super::{
    Description, Launch, LogRow, Memory, ProgramId, Reals, Roofs, Source, Span, Ticket, TimedSteps,
    Traffic, Values,
};
use crate::graph::{Plan, Step, Tensor, TensorId};
use crate::kernel::{Kernel, Variant};
use crate::{Error, Fault, Result};
use std::collections::BTreeMap;

/// A device with tensors and plans on it, which is polled. Everything happens in the order of the calls:
/// a step sees what was written before it, and a request has the results of the steps before it.
pub trait Device {
    /// What it computes with.
    fn description(&self) -> &Description;

    /// Computes what the device would hold of these plans besides what it holds, without the little
    /// that depends on how fast kernels turn out to be, and checks that there is room for it.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is not, with the setting that most of it depends on:
    /// `hidden`, `batch` or `limit`; [`Error::TensorMismatch`] as [`load`](Self::load).
    fn check_memory(&self, plans: &[&Plan]) -> Result<Memory>;

    /// Makes a plan ready to run. Tensors that outlive a step are shared by name with the plans that are
    /// loaded, in whatever order; new ones hold their constant or starting value, or 0.
    ///
    /// # Errors
    /// [`Error::TensorMismatch`] if two of the plan's tensors have one name, or a tensor of the same name has
    /// another shape; if the device cannot hold the plan.
    fn load(&mut self, plan: Plan) -> Result<ProgramId>;

    /// Frees a plan's memory, and the tensors that no other loaded plan has. Its steps so far are
    /// finished, those on the CPU before the call returns.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails.
    fn unload(&mut self, program: ProgramId) -> Result<()>;

    /// Returns a tensor that outlives a step.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`].
    fn tensor(&self, name: &str) -> Result<&Tensor>;

    /// Writes rows of a tensor that outlives a step, from row `first` on. On the CPU, queued steps are
    /// run first.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`]; [`Error::TensorMismatch`] if the values are of another type, are not
    /// whole rows or end after the last row.
    fn write_rows(&mut self, name: &str, first: usize, values: Values) -> Result<()>;

    /// Writes all of a tensor, as [`write_rows`](Self::write_rows) does.
    ///
    /// # Errors
    /// Those of [`write_rows`](Self::write_rows); [`Error::TensorMismatch`] if the values are fewer.
    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        self.tensor(name)?.accepts(values.element(), values.len())?;
        self.write_rows(name, 0, values)
    }

    /// Begins as many of these steps, from the first on, as one submit should hold, and returns their
    /// number: 0 while the device has as many submits as it takes, until it is polled.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails, or failed since the last call.
    fn submit(&mut self, program: ProgramId, steps: &[Step]) -> Result<usize>;

    /// Asks for real numbers, after all steps so far.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`], [`Error::UnknownProgram`]; [`Error::TensorMismatch`] if the tensor has
    /// no real numbers; if a plan has no such output, or the device fails.
    fn request(&mut self, source: Source) -> Result<Ticket>;

    /// Takes in what the device has finished since the last call, or on the CPU does the next step or
    /// request. Returns whether steps or requests are outstanding.
    ///
    /// # Errors
    /// If the device fails.
    fn poll(&mut self) -> Result<bool>;

    /// Hands out what was asked for, once, when it is there.
    fn take(&mut self, ticket: Ticket) -> Option<Reals>;

    /// Hands out the log rows of finished steps, each once, in order.
    fn take_rows(&mut self) -> Vec<LogRow>;

    /// What it holds.
    fn memory(&self) -> Memory;

    /// What has crossed between host and device so far.
    fn traffic(&self) -> Traffic;
}

/// A device that native callers wait for.
pub trait Blocking: Device {
    /// Waits until the oldest outstanding submit or request is finished; on the CPU, finishes all.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// If the device fails.
    fn wait(&mut self) -> Result<bool>;

    /// Waits for everything that is outstanding.
    ///
    /// # Errors
    /// If the device fails.
    fn finish(&mut self) -> Result<()> {
        while self.wait()? {}
        Ok(())
    }

    /// Runs these steps, one after the other. A GPU may still be at work on return.
    ///
    /// # Errors
    /// Those of [`submit`](Device::submit).
    fn run(&mut self, program: ProgramId, mut steps: &[Step]) -> Result<()> {
        while !steps.is_empty() {
            match self.submit(program, steps)? {
                0 => drop(self.wait()?),
                count => steps = &steps[count..],
            }
        }
        Ok(())
    }

    /// Reads real numbers, after all steps so far.
    ///
    /// # Errors
    /// Those of [`request`](Device::request).
    fn fetch(&mut self, source: Source) -> Result<Reals> {
        let ticket = self.request(source)?;
        loop {
            if let Some(values) = self.take(ticket) {
                return Ok(values);
            }
            if !self.wait()? {
                let adapter = self.description().name.clone();
                let message = format!("it did not read {source:?}");
                let fault = Fault::Failure;
                return Err(Error::Device { adapter, step: None, message, fault });
            }
        }
    }

    /// Reads a tensor that outlives a step, after all steps so far.
    ///
    /// # Errors
    /// Those of [`request`](Device::request).
    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        self.fetch(Source::Tensor(name)).map(Reals::into_f64)
    }

    /// As [`read`](Self::read), in single precision.
    ///
    /// # Errors
    /// Those of [`request`](Device::request).
    fn read_f32(&mut self, name: &str) -> Result<Vec<f32>> {
        self.fetch(Source::Tensor(name)).map(Reals::into_f32)
    }

    /// Reads one of a plan's outputs, after all steps so far.
    ///
    /// # Errors
    /// Those of [`request`](Device::request).
    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        self.fetch(Source::Output(program, tensor)).map(Reals::into_f64)
    }

    /// As [`read_output`](Self::read_output), in single precision.
    ///
    /// # Errors
    /// Those of [`request`](Device::request).
    fn read_output_f32(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f32>> {
        self.fetch(Source::Output(program, tensor)).map(Reals::into_f32)
    }

    /// Hands out log rows as [`take_rows`](Device::take_rows) does; with `wait`, those of all steps.
    ///
    /// # Errors
    /// If the device fails.
    fn take_log(&mut self, wait: bool) -> Result<Vec<LogRow>> {
        if wait {
            self.finish()?;
        }
        Ok(self.take_rows())
    }
}

/// A device whose kernels have variants to choose among.
pub trait Tunable: Device {
    /// The variants of a kernel that the device has.
    fn variants(&self, kernel: &Kernel) -> Vec<Variant>;

    /// From now on, loads plans with this variant of the kernels that have it, whatever is fastest;
    /// with none, leaves the choice to the device again.
    fn force(&mut self, variant: Option<Variant>);

    /// The variant of every call so far, by the call as it is printed, where there was a choice.
    fn choices(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// A device that can be measured and looked into.
pub trait Profiled: Blocking {
    /// What each node of a plan became, in the order in which they run.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`].
    fn launches(&self, program: ProgramId) -> Result<Vec<Launch>>;

    /// Runs steps as [`run`](Blocking::run) does, waits for them, and says when each node ran. They may
    /// be fewer than given: as many as can be timed at once, at least one.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails.
    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps>;

    /// As [`time_steps`](Self::time_steps), but says only when `nodes` ran, places in the order in which
    /// nodes run, ascending; a device may leave the others without timestamps.
    ///
    /// # Errors
    /// As [`time_steps`](Self::time_steps).
    fn time_nodes(
        &mut self,
        program: ProgramId,
        steps: &[Step],
        nodes: &[usize],
    ) -> Result<TimedSteps> {
        let timed = self.time_steps(program, steps)?;
        let only = |step: &Vec<Span>| nodes.iter().map(|&node| step[node]).collect();
        Ok(TimedSteps { steps: timed.steps.iter().map(only).collect(), ..timed })
    }

    /// Fills the plan's workspace with NaN, so that an element which no kernel writes shows.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails.
    fn poison(&mut self, program: ProgramId) -> Result<()>;

    /// How fast the device computes just now, in 10⁹ floating-point operations a second of a loop of
    /// multiplications and additions, after all steps so far; takes some milliseconds. What else a
    /// machine does, and the clock that it runs at, change this as they change the time of a step.
    ///
    /// # Errors
    /// As [`roofs`](Self::roofs).
    fn pace(&mut self) -> Result<f64>;

    /// Measures what the device reaches at best, after all steps so far; takes about a second.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on the f64 oracle, which nothing is run on for its speed;
    /// [`Error::Device`] if the device fails, or gives a wrong result.
    fn roofs(&mut self) -> Result<Roofs>;
}

/// A native device with all that it can do; any thread may have it.
pub trait Session: Tunable + Profiled + Send {}

impl<D: Tunable + Profiled + Send> Session for D {}
