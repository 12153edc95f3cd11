//! Inspection of a step, kernel by kernel.

use crate::Result;
use crate::device::{Device, ProgramId, Session};
use crate::graph::{Element, LOG_ROWS, Node, Plan, Role, Step, Tensor, TensorId};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Weights and mean squares, by name.
pub(super) type State = BTreeMap<String, Vec<f64>>;

/// A plan whose intermediates can all be read after a step.
#[derive(Debug)]
pub(super) struct Inspection {
    pub(super) plan: Plan,
    pub(super) program: ProgramId,
}

impl Inspection {
    /// Loads a plan, which [keeps all](Plan::keep_all), if there is enough memory.
    pub(super) fn load(device: &mut dyn Device, plan: Plan) -> Result<Self> {
        device.check_memory(&[&plan])?;
        let program = device.load(plan.clone())?;
        Ok(Self { plan, program })
    }

    /// Loads a plan again, with separate memory for each tensor, calls `inspect`, and unloads it.
    pub(super) fn with<T>(
        session: &mut dyn Session,
        plan: &Plan,
        inspect: impl FnOnce(&Self, &mut dyn Session) -> Result<T>,
    ) -> Result<T> {
        let inspection = Self::load(session, Plan::keep_all(plan.graph().clone()))?;
        let result = inspect(&inspection, session);
        session.unload(inspection.program)?;
        result
    }

    /// Reads real numbers of the plan after a step; for a log, the step's row.
    pub(super) fn read(
        &self,
        session: &mut dyn Session,
        id: TensorId,
        step: Step,
    ) -> Result<Vec<f64>> {
        let tensor = self.plan.graph().tensor(id);
        Ok(match tensor.role {
            Role::Workspace => session.read_output(self.program, id)?,
            Role::Constant(value) => vec![value; tensor.shape.len()],
            Role::Log => log_row(&session.read(&tensor.name)?, tensor.shape.columns, step),
            _ => session.read(&tensor.name)?,
        })
    }

    /// Runs a step and describes the first kernel that produced an infinite number or NaN, if there
    /// is one.
    pub(super) fn first_nonfinite(
        &self,
        session: &mut dyn Session,
        step: Step,
    ) -> Result<Option<String>> {
        let before = self.state(session)?;
        session.run(self.program, &[step])?;
        for node in self.plan.nodes() {
            for &output in &node.outputs {
                let values = self.read(session, output, step)?;
                let Some(at) = values.iter().position(|value| !value.is_finite()) else { continue };
                let tensor = self.plan.graph().tensor(output);
                return Ok(Some(format!(
                    "{}, whose {} {} has {} in row {}, column {}, from numbers up to {:.3e}",
                    node.label(),
                    tensor.name,
                    tensor.shape,
                    values[at],
                    at / tensor.shape.columns + 1,
                    at % tensor.shape.columns + 1,
                    self.largest_input(session, node, step, &before)?,
                )));
            }
        }
        Ok(None)
    }

    /// Reads the tensors that a step is about to change.
    pub(super) fn state(&self, session: &mut dyn Session) -> Result<State> {
        let changed = self.plan.persistent().map(|id| self.plan.graph().tensor(id));
        let changed =
            changed.filter(|tensor| matches!(tensor.role, Role::Parameter | Role::State(_)));
        changed.map(|Tensor { name, .. }| Ok((name.clone(), session.read(name)?))).collect()
    }

    /// The real numbers that a step's kernels read; `before` has the tensors that the step changed.
    pub(super) fn given<'a>(
        &self,
        session: &mut dyn Session,
        id: TensorId,
        step: Step,
        before: &'a State,
    ) -> Result<Cow<'a, [f64]>> {
        Ok(match before.get(&self.plan.graph().tensor(id).name) {
            Some(values) => values.into(),
            None => self.read(session, id, step)?.into(),
        })
    }

    /// The largest absolute value of the real numbers that a node read.
    fn largest_input(
        &self,
        session: &mut dyn Session,
        node: &Node,
        step: Step,
        before: &State,
    ) -> Result<f64> {
        let mut largest = 0.0_f64;
        for &input in &node.inputs {
            if self.plan.graph().tensor(input).element == Element::F32 {
                let values = self.given(session, input, step, before)?;
                largest = values.iter().fold(largest, |largest, value| largest.max(value.abs()));
            }
        }
        Ok(largest)
    }
}

/// The row of a step in a log with `columns` columns.
pub(super) fn log_row(log: &[f64], columns: usize, step: Step) -> Vec<f64> {
    log[step.index as usize % LOG_ROWS * columns..][..columns].to_vec()
}
