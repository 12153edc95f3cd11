//! The norm of the gradient, measured after each epoch. It is computed on the CPU, whatever the device
//! trains on: there it would take another step's memory, and kernels that training does not have.

use super::Config;
use super::trainer::order;
use crate::cpu::gather_batch::{Grey, gather_batch};
use crate::data::{Dataset, Levels};
use crate::device::cpu::CpuSession;
use crate::device::{Blocking, Device, ProgramId, Values};
use crate::graph::TensorId;
use crate::model::{ENCODER_INPUT, Weights};
use crate::{Matrix, Result};

/// A step's gradient without an update.
#[derive(Debug)]
pub(super) struct Gradient {
    session: CpuSession<f32>,
    program: ProgramId,
    squares: TensorId,
}

impl Gradient {
    /// Loads the plan for images of `input` pixels.
    ///
    /// # Errors
    /// The errors of [`Architecture::gradient_plan`](crate::model::Architecture::gradient_plan); if there
    /// is not enough memory.
    pub(super) fn new(config: &Config, input: usize) -> Result<Self> {
        let architecture = config.architecture(input)?;
        let (plan, squares) = architecture.gradient_plan(config.batch, config.objective())?;
        let mut session = CpuSession::new();
        let program = session.load(plan)?;
        Ok(Self { session, program, squares })
    }

    /// Returns the norm, over all parameters, of the gradient of an image's mean loss on the batch of the
    /// step before `step`, with its noise and its weight of the KL divergence, by these weights.
    ///
    /// # Errors
    /// If the session fails.
    pub(super) fn norm(
        &mut self,
        config: &Config,
        train: &Dataset,
        step: u32,
        weights: &Weights,
    ) -> Result<f64> {
        let per_epoch = (train.len() / config.batch) as u32;
        let last = step.saturating_sub(1);
        let step = config.step(last, per_epoch);
        let order = order(config.seed, last / per_epoch, train.len());
        let levels = match &train.levels {
            Levels::Bytes(levels) => Grey::Bytes(levels),
            Levels::Reals(levels) => Grey::Reals(levels),
        };
        let mut x = vec![0.0_f32; config.batch * train.width()];
        gather_batch(step, config.binarize, train.width(), levels, &order, &mut x);
        let x = Matrix::new(config.batch, train.width(), x)?;
        let x = match config.labels.len() {
            0 => x,
            classes => {
                let places = train.places(&config.labels)?;
                let batch = &order[step.first_row as usize..][..config.batch];
                let labels: Vec<_> =
                    batch.iter().map(|&image| places[image as usize] as usize).collect();
                x.beside(&Matrix::one_hot(&labels, classes)?)?
            }
        };
        weights.write(&mut self.session)?;
        self.session.write(ENCODER_INPUT, Values::F32(x.values()))?;
        self.session.run(self.program, &[step])?;
        let squares = self.session.read_output(self.program, self.squares)?;
        Ok(squares.iter().sum::<f64>().sqrt() / config.batch as f64)
    }
}
