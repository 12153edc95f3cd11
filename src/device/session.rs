//! The traits of a device. [`Device`] runs plans and never waits, so that a browser's event loop
//! can drive it; [`Blocking`] waits, for native callers; only checks and measurements need
//! [`Tunable`] and [`Profiled`]. A [`Session`] has all of these traits.

use super::{
    Description, Launch, LogRow, Memory, ProgramId, Reals, Roofs, Source, Span, Ticket, TimedSteps,
    Traffic, Values,
};
use crate::graph::{Plan, Step, Tensor, TensorId};
use crate::kernel::{Kernel, Variant};
use crate::{Error, Fault, Result};
use std::collections::BTreeMap;

/// A polled device that holds tensors and plans. Everything happens in the order of the calls: a
/// step sees all earlier writes, and a request returns the results of all earlier steps.
pub trait Device {
    /// Returns the description of the hardware and driver.
    fn description(&self) -> &Description;

    /// Computes the additional memory that the device would need for these plans, except the small
    /// part that depends on the choice of kernels, and checks that it fits.
    ///
    /// # Errors
    /// [`Error::Setting`] if it does not fit, with the setting that most of it depends on:
    /// `hidden`, `batch` or `limit`; [`Error::TensorMismatch`] as for [`load`](Self::load).
    fn check_memory(&self, plans: &[&Plan]) -> Result<Memory>;

    /// Loads a plan. Tensors that outlive a step are shared by name with the loaded plans, in any
    /// order; new ones hold their constant or starting value, or 0.
    ///
    /// # Errors
    /// [`Error::TensorMismatch`] if two of the plan's tensors have one name, or a tensor of the same name has
    /// another shape; if the device cannot hold the plan.
    fn load(&mut self, plan: Plan) -> Result<ProgramId>;

    /// Frees a plan's memory, and the tensors that no other loaded plan has. Submitted steps still
    /// finish, on the CPU before the call returns.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails.
    fn unload(&mut self, program: ProgramId) -> Result<()>;

    /// Returns a tensor that outlives a step.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`].
    fn tensor(&self, name: &str) -> Result<&Tensor>;

    /// Writes rows of a tensor that outlives a step, from row `first` on. On the CPU, queued steps
    /// run first.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`]; [`Error::TensorMismatch`] if the values are of another type, are not
    /// whole rows or end after the last row.
    fn write_rows(&mut self, name: &str, first: usize, values: Values) -> Result<()>;

    /// Writes a whole tensor, like [`write_rows`](Self::write_rows).
    ///
    /// # Errors
    /// The errors of [`write_rows`](Self::write_rows); [`Error::TensorMismatch`] if there are fewer
    /// values.
    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        self.tensor(name)?.accepts(values.element(), values.len())?;
        self.write_rows(name, 0, values)
    }

    /// Submits the first of these steps, as many as one submit should hold, and returns their
    /// number: 0 while the largest number of submits is in flight, until the device is polled.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails, or failed since the last call.
    fn submit(&mut self, program: ProgramId, steps: &[Step]) -> Result<usize>;

    /// Requests real numbers, as they are after all previous steps.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`], [`Error::UnknownProgram`]; [`Error::TensorMismatch`] if the tensor has
    /// no real numbers; if a plan has no such output, or the device fails.
    fn request(&mut self, source: Source) -> Result<Ticket>;

    /// Collects the results of work that the device has finished since the last call; on the CPU,
    /// does the next step or request. Returns whether steps or requests are outstanding.
    ///
    /// # Errors
    /// If the device fails.
    fn poll(&mut self) -> Result<bool>;

    /// Returns requested numbers, once, when they have arrived.
    fn take(&mut self, ticket: Ticket) -> Option<Reals>;

    /// Returns the log rows of finished steps, each once, in order.
    fn take_rows(&mut self) -> Vec<LogRow>;

    /// Returns the memory that the device uses.
    fn memory(&self) -> Memory;

    /// Returns the traffic between host and device so far.
    fn traffic(&self) -> Traffic;
}

/// A device with blocking calls, for native callers.
pub trait Blocking: Device {
    /// Waits until the oldest outstanding submit or request is finished; on the CPU, finishes all.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// If the device fails.
    fn wait(&mut self) -> Result<bool>;

    /// Waits for all outstanding submits and requests.
    ///
    /// # Errors
    /// If the device fails.
    fn finish(&mut self) -> Result<()> {
        while self.wait()? {}
        Ok(())
    }

    /// Runs these steps, one after the other. A GPU may still be running them on return.
    ///
    /// # Errors
    /// The errors of [`submit`](Device::submit).
    fn run(&mut self, program: ProgramId, mut steps: &[Step]) -> Result<()> {
        while !steps.is_empty() {
            match self.submit(program, steps)? {
                0 => drop(self.wait()?),
                count => steps = &steps[count..],
            }
        }
        Ok(())
    }

    /// Reads real numbers, after all previous steps.
    ///
    /// # Errors
    /// The errors of [`request`](Device::request).
    fn fetch(&mut self, source: Source) -> Result<Reals> {
        let ticket = self.request(source)?;
        loop {
            if let Some(values) = self.take(ticket) {
                return Ok(values);
            }
            if !self.wait()? {
                let adapter = self.description().name.clone();
                let message = format!("the device did not read {source:?}");
                let fault = Fault::Failure;
                return Err(Error::Device { adapter, step: None, message, fault });
            }
        }
    }

    /// Reads a tensor that outlives a step, after all previous steps.
    ///
    /// # Errors
    /// The errors of [`request`](Device::request).
    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        self.fetch(Source::Tensor(name)).map(Reals::into_f64)
    }

    /// Like [`read`](Self::read), in single precision.
    ///
    /// # Errors
    /// The errors of [`request`](Device::request).
    fn read_f32(&mut self, name: &str) -> Result<Vec<f32>> {
        self.fetch(Source::Tensor(name)).map(Reals::into_f32)
    }

    /// Reads one of a plan's outputs, after all previous steps.
    ///
    /// # Errors
    /// The errors of [`request`](Device::request).
    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        self.fetch(Source::Output(program, tensor)).map(Reals::into_f64)
    }

    /// Like [`read_output`](Self::read_output), in single precision.
    ///
    /// # Errors
    /// The errors of [`request`](Device::request).
    fn read_output_f32(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f32>> {
        self.fetch(Source::Output(program, tensor)).map(Reals::into_f32)
    }

    /// Returns log rows like [`take_rows`](Device::take_rows); with `wait`, those of all steps.
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

/// A device with several variants of kernels.
pub trait Tunable: Device {
    /// Returns the variants of a kernel that the device supports.
    fn variants(&self, kernel: &Kernel) -> Vec<Variant>;

    /// Sets the variant with which later plans are loaded, for kernels that have it, instead of the
    /// fastest; with none, the device chooses again.
    fn force(&mut self, variant: Option<Variant>);

    /// Returns the variants chosen so far by call, in the form in which a call is printed, for
    /// calls with a choice.
    fn choices(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// A device with measurements and inspection.
pub trait Profiled: Blocking {
    /// Returns the kernel of each node of a plan, in the order of execution.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`].
    fn launches(&self, program: ProgramId) -> Result<Vec<Launch>>;

    /// Runs steps like [`run`](Blocking::run), waits for them, and returns the times of each node.
    /// It may run fewer than given: as many as can be timed at once, at least one.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails.
    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps>;

    /// Like [`time_steps`](Self::time_steps), but returns only the times of `nodes`, ascending
    /// indices in the order of execution; a device may leave the others without timestamps.
    ///
    /// # Errors
    /// The errors of [`time_steps`](Self::time_steps).
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

    /// Fills the plan's workspace with NaN, so that elements that no kernel writes are detected.
    ///
    /// # Errors
    /// [`Error::UnknownProgram`]; if the device fails.
    fn poison(&mut self, program: ProgramId) -> Result<()>;

    /// Measures the current speed in 10⁹ floating-point operations a second, by a loop of
    /// multiplications and additions, after all previous steps; takes some milliseconds. Other load
    /// on the machine and its clock rate change this just as they change the time of a step.
    ///
    /// # Errors
    /// The errors of [`roofs`](Self::roofs).
    fn pace(&mut self) -> Result<f64>;

    /// Measures the device's peak rates, after all previous steps; takes about a second.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on the f64 oracle, whose speed does not matter; [`Error::Device`] if
    /// the device fails, or gives a wrong result.
    fn roofs(&mut self) -> Result<Roofs>;
}

/// A native device with all traits, which may move between threads.
pub trait Session: Tunable + Profiled + Send {}

impl<D: Tunable + Profiled + Send> Session for D {}
