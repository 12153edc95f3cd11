//! Repeats a step of training on the f64 oracle. Each kernel's result is compared with the oracle's
//! result for the kernel's own inputs: if a ReLU's argument is within rounding of 0, the two might
//! continue with different gradients, and both would be right.

use super::inspect::{Inspection, State, log_row};
use crate::device::cpu::CpuSession;
use crate::device::{Blocking, Device, ProgramId, Session, Values};
use crate::graph::{Graph, Node, Plan, Role, Step, TensorId};
use crate::kernel::{Call, Kernel};
use crate::verify::{Comparison, compare};
use crate::{Error, Fault, Result};

/// Checks a session's training steps.
#[derive(Debug)]
pub(super) struct SelfCheck {
    inspection: Inspection,
    oracle: CpuSession<f64>,
    /// A plan on the oracle for each of the plan's nodes alone.
    alone: Vec<(Graph, ProgramId)>,
}

impl SelfCheck {
    /// Loads a plan again for inspection, and the oracle with its own copy of the data, given by the names
    /// of their tensors.
    pub(super) fn load(
        device: &mut dyn Device,
        plan: &Plan,
        data: &[(&str, Values)],
    ) -> Result<Self> {
        let plan = Plan::keep_all(plan.graph().clone());
        let mut oracle = CpuSession::new();
        let alone = load_alone(&mut oracle, &plan)?;
        for &(name, values) in data {
            oracle.write(name, values)?;
        }
        // Last, so that the device holds nothing more if the oracle has not enough memory.
        let inspection = Inspection::load(device, plan)?;
        Ok(Self { inspection, oracle, alone })
    }

    /// Sets the order of the images on the oracle.
    pub(super) fn order(&mut self, name: &str, indices: &[u32]) -> Result<()> {
        self.oracle.write(name, Values::U32(indices))
    }

    /// Frees the plan that is inspected.
    pub(super) fn unload(&self, device: &mut dyn Device) -> Result<()> {
        device.unload(self.inspection.program)
    }

    /// Reads the tensors that a step is about to change.
    pub(super) fn state(&self, session: &mut dyn Session) -> Result<State> {
        self.inspection.state(session)
    }

    /// Repeats, on both, the step that the session has just run, starting from the state `before`.
    ///
    /// # Errors
    /// [`Error::Device`] if the bits differ from the first run's, or a kernel's result from the
    /// oracle's.
    pub(super) fn check(
        &mut self,
        session: &mut dyn Session,
        step: Step,
        before: &State,
    ) -> Result<()> {
        let after = self.state(session)?;
        for (name, values) in before {
            session.write(name, Values::F64(values))?;
        }
        session.run(self.inspection.program, &[step])?;
        for (name, values) in &after {
            let again = session.read(name)?;
            let differs = |(one, other): (&f64, &f64)| one.to_bits() != other.to_bits();
            if let Some(at) = again.iter().zip(values).position(differs) {
                let (one, other) = (values[at], again[at]);
                let found = format!(
                    "element {at} of {name} is {one:e} at first, and {other:e} when repeated"
                );
                return Err(wrong(session, step, found));
            }
        }
        for index in 0..self.alone.len() {
            self.check_node(session, step, before, index)?;
        }
        Ok(())
    }

    fn check_node(
        &mut self,
        session: &mut dyn Session,
        step: Step,
        before: &State,
        index: usize,
    ) -> Result<()> {
        let Self { inspection, oracle, alone } = self;
        let graph = inspection.plan.graph();
        let (graph_alone, program) = &alone[index];
        let node = graph.node(inspection.plan.order()[index]);
        for &input in node.inputs.iter().filter(|&&input| graph.tensor(input).role != Role::Data) {
            let values = inspection.given(session, input, step, before)?;
            oracle.write(&graph_alone.tensor(input).name, Values::F64(&values))?;
        }
        for name in targets(graph, node) {
            let values = match before.get(name) {
                Some(values) => values,
                None => &session.read(name)?,
            };
            oracle.write(name, Values::F64(values))?;
        }
        oracle.run(*program, &[step])?;
        oracle.take_log(true)?;
        let call = Call::of(graph, node);
        let tolerance = (Kernel::of(&call).tolerance)(&call);
        for &output in &node.outputs {
            let tensor = graph.tensor(output);
            let found = inspection.read(session, output, step)?;
            let expected = match tensor.role {
                Role::Workspace => oracle.read_output(*program, output)?,
                Role::Log => log_row(&oracle.read(&tensor.name)?, tensor.shape.columns, step),
                _ => oracle.read(&tensor.name)?,
            };
            let comparison = compare(&found, &expected, tolerance.for_results(&expected));
            if !comparison.ok {
                let found = describe(&call, &tensor.name, &comparison, &found, &expected);
                return Err(wrong(session, step, found));
            }
        }
        Ok(())
    }
}

/// Loads each node of a plan alone on the oracle.
fn load_alone(oracle: &mut CpuSession<f64>, plan: &Plan) -> Result<Vec<(Graph, ProgramId)>> {
    let alone = plan.nodes().map(|node| {
        let outputs = if node.op.updates() { &[][..] } else { &node.outputs };
        Plan::new(plan.graph().alone(node), outputs)
    });
    let plans: Vec<_> = alone.collect();
    oracle.check_memory(&plans.iter().collect::<Vec<_>>())?;
    plans.into_iter().map(|plan| Ok((plan.graph().clone(), oracle.load(plan)?))).collect()
}

/// The names of the tensors that a node updates.
fn targets<'a>(graph: &'a Graph, node: &'a Node) -> impl Iterator<Item = &'a str> {
    let updated = if node.op.updates() { node.outputs.as_slice() } else { &[] };
    updated.iter().map(|&id: &TensorId| graph.tensor(id).name.as_str())
}

fn describe(
    call: &Call,
    tensor: &str,
    comparison: &Comparison,
    found: &[f64],
    expected: &[f64],
) -> String {
    let Some(at) = comparison.worst_index else {
        return format!("{call} gives {} numbers for {tensor}", found.len());
    };
    let (one, other, tolerance) = (found[at], expected[at], comparison.tolerance);
    format!(
        "{call} gives {one:e} for element {at} of {tensor}, where the f64 oracle has {other:e} \
         (tolerance {tolerance})"
    )
}

fn wrong(session: &dyn Session, step: Step, found: String) -> Error {
    Error::Device {
        adapter: session.description().name.clone(),
        step: Some(u64::from(step.index) + 1),
        message: format!("wrong results: {found}"),
        fault: Fault::WrongResult,
    }
}
