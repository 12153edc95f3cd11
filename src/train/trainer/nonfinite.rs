//! Detection of numbers that are infinite or NaN, and search for their origin.

use super::{STEPS_PER_WATCH, Trainer};
use crate::checkpoint::Position;
use crate::device::{LogRow, Session};
use crate::graph::Step;
use crate::model::{Evaluation, Parameter, States, Weights, evaluation};
use crate::train::inspect::Inspection;
use crate::{Error, Result};

impl Trainer {
    /// Finds the origin of infinite or NaN numbers that were detected at a step: resumes from
    /// another trainer's state, like [`resume`](Self::resume), then runs each op by a kernel of its
    /// own, and returns the name of the first one with such a result. Returns none if all numbers
    /// stay finite that way, or if `stop`, which is called every few steps, returns true.
    ///
    /// # Errors
    /// The errors of [`resume`](Self::resume) and [`advance`](Self::advance).
    pub fn find_nonfinite(
        &mut self,
        session: &mut dyn Session,
        weights: &Weights,
        states: &States,
        position: Position,
        step: u64,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<String>> {
        // Discard log rows of steps still in flight.
        session.take_log(true)?;
        self.resume(session, weights, states, position)?;
        let noticed = step as u32;
        // The last but one check of the weights: a state that becomes infinite affects its weight a
        // step later.
        let good = noticed.saturating_sub(1 + STEPS_PER_WATCH) / STEPS_PER_WATCH * STEPS_PER_WATCH;
        while self.position.step < good && !stop() {
            self.advance(session, good - self.position.step, stop, |_| Ok(()))?;
        }
        let plan = self.architecture.training_plan(self.images, self.config.training(), false)?;
        let found = Inspection::with(session, &plan, |training, session| {
            for index in self.position.step..noticed {
                if stop() {
                    break;
                }
                self.shuffle(session, index / self.steps_per_epoch())?;
                if let Some(found) = training.first_nonfinite(session, self.step(index))? {
                    return Ok(Some(format!("step {}'s {found}", index + 1)));
                }
            }
            Ok(None)
        })?;
        if found.is_some() || stop() || !noticed.is_multiple_of(self.steps_per_epoch()) {
            return Ok(found);
        }
        let Evaluation { plan, .. } = evaluation(&self.architecture, self.test, false)?;
        Inspection::with(session, &plan, |test, session| {
            for first in (0..self.test.count).step_by(self.test.batch) {
                let step = Step::new(self.config.seed, noticed, first as u32);
                if let Some(found) = test.first_nonfinite(session, step)? {
                    return Ok(Some(format!("the test's {found}")));
                }
            }
            Ok(None)
        })
    }

    /// Checks the values of each parameter.
    pub(super) fn check_finite(&self, prefix: &str, values: &[Vec<f32>]) -> Result<()> {
        for (Parameter { name, .. }, values) in self.architecture.parameters().iter().zip(values) {
            let count = values.iter().filter(|value| !value.is_finite()).count();
            none_broken(&format!("{prefix}{name}"), count as f64, self.position.step.into())?;
        }
        Ok(())
    }

    /// Checks the counts of each parameter, if the row has them.
    pub(super) fn check_weights(&self, row: &LogRow) -> Result<()> {
        if row.program != self.watch {
            return Ok(());
        }
        let step = u64::from(row.step) + 1;
        let mut counts = self.architecture.parameters().into_iter().zip(&row.values);
        counts.try_for_each(|(Parameter { name, .. }, &count)| none_broken(&name, count, step))
    }
}

/// Checks a term of the loss.
pub(super) fn finite(term: &str, value: f64, step: u64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::NonFinite { what: format!("{term} is {value}"), step, origin: None })
}

/// Checks that no number of a tensor is infinite or NaN, given their count.
fn none_broken(tensor: &str, count: f64, step: u64) -> Result<()> {
    if count == 0.0 {
        return Ok(());
    }
    let what = format!("{tensor} has {count} elements that are infinite or NaN");
    Err(Error::NonFinite { what, step, origin: None })
}
