//! Looking into a step, kernel by kernel.

use crate::Result;
use crate::device::{ProgramId, Session};
use crate::graph::{Element, LOG_ROWS, Node, Plan, Role, TensorId};
use crate::kernel::Step;
use std::collections::BTreeMap;

/// A plan of which every intermediate can be read after a step.
#[derive(Debug)]
pub(super) struct Inspection {
    pub(super) plan: Plan,
    pub(super) program: ProgramId,
}

impl Inspection {
    /// Loads a plan once more, with memory of its own for each tensor, if there is room for it.
    pub(super) fn load(session: &mut dyn Session, plan: &Plan) -> Result<Self> {
        let plan = Plan::keep_all(plan.graph().clone());
        session.room_for(&[&plan])?;
        let program = session.load(plan.clone())?;
        Ok(Self { plan, program })
    }

    /// Real numbers of the plan after a step; of a log, the step's row.
    pub(super) fn read(
        &self,
        session: &mut dyn Session,
        id: TensorId,
        step: Step,
    ) -> Result<Vec<f64>> {
        let tensor = self.plan.graph().tensor(id);
        Ok(match tensor.role {
            Role::Workspace => session.read_output(self.program, id)?,
            Role::Constant(value) => vec![value.into(); tensor.shape.len()],
            Role::Log => log_row(&session.read(&tensor.name)?, tensor.shape.columns, step),
            _ => session.read(&tensor.name)?,
        })
    }

    /// Runs a step and says which kernel was the first to make a number that is infinite or NaN, if
    /// one was.
    pub(super) fn first_nonfinite(
        &self,
        session: &mut dyn Session,
        step: Step,
    ) -> Result<Option<String>> {
        let before = self.updated(session)?;
        session.run(self.program, &[step])?;
        for node in self.plan.nodes() {
            for &output in &node.outputs {
                let values = self.read(session, output, step)?;
                let Some(at) = values.iter().position(|value| !value.is_finite()) else { continue };
                let tensor = self.plan.graph().tensor(output);
                return Ok(Some(format!(
                    "{}, whose {} {} has {} in row {}, column {}, from numbers up to {:.3e}",
                    node.op.name(),
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

    /// What a step is about to update.
    fn updated(&self, session: &mut dyn Session) -> Result<BTreeMap<TensorId, Vec<f64>>> {
        let tensor = |id| self.plan.graph().tensor(id);
        let is_updated =
            |id: &TensorId| matches!(tensor(*id).role, Role::Parameter | Role::State(_));
        let updated = self.plan.persistent().filter(is_updated);
        updated.map(|id| Ok((id, session.read(&tensor(id).name)?))).collect()
    }

    /// The largest size of a real number that a node is given, where the numbers that the step updates
    /// were these before it.
    fn largest_input(
        &self,
        session: &mut dyn Session,
        node: &Node,
        step: Step,
        before: &BTreeMap<TensorId, Vec<f64>>,
    ) -> Result<f64> {
        let mut largest = 0.0_f64;
        for &input in &node.inputs {
            if self.plan.graph().tensor(input).element == Element::F32 {
                let values = match before.get(&input) {
                    Some(values) => values,
                    None => &self.read(session, input, step)?,
                };
                largest = values.iter().fold(largest, |largest, value| largest.max(value.abs()));
            }
        }
        Ok(largest)
    }
}

/// What a step wrote into a log of so many columns.
pub(super) fn log_row(log: &[f64], columns: usize, step: Step) -> Vec<f64> {
    log[step.index as usize % LOG_ROWS * columns..][..columns].to_vec()
}
