//! Verification of every kernel, on its cases, against its f64 twin.

use super::{Comparison, Filled, Row, compare, fill};
use crate::Result;
use crate::device::cpu::CpuSession;
use crate::device::{ProgramId, Session};
use crate::graph::{Plan, Step, TensorId};
use crate::kernel::{Call, Case, Kernel, Tolerance, Variant};
use crate::random::generator;

/// Runs all cases of a kernel, each with every variant that the device has and that supports its
/// shapes, and returns the worst case for each variant and computation.
///
/// # Errors
/// If the device fails.
pub fn verify_kernel(session: &mut dyn Session, kernel: &Kernel, seed: u64) -> Result<Vec<Row>> {
    verify_calls(session, kernel, seed, &|_| true)
}

/// Like [`verify_kernel`], but runs only cases whose call is `wanted`; no rows if there is none.
///
/// # Errors
/// If the device fails.
pub fn verify_calls(
    session: &mut dyn Session,
    kernel: &Kernel,
    seed: u64,
    wanted: &dyn Fn(&Call) -> bool,
) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut cases = Vec::new();
    for (index, case) in (kernel.cases)().into_iter().enumerate() {
        let call = case.call()?;
        cases.push((index, case, call));
    }
    let count = cases.len();
    cases.retain(|(_, _, call)| wanted(call));
    if cases.len() < count && cases.is_empty() {
        return Ok(rows);
    }
    let variants = session.variants(kernel);
    for (index, case, call) in &cases {
        let serves = |variant: Variant| {
            case.is_for(variant)
                && (variant.core().is_none() || kernel.tiling(call, variant).is_some())
        };
        // The oracle computes a case once for all variants.
        let mut expected = None;
        for &variant in variants.iter().filter(|variant| serves(**variant)) {
            session.force(Some(variant));
            let check = Check::new(kernel, case, variant, seed.wrapping_add(*index as u64))?;
            let expected = match &expected {
                Some(expected) => expected,
                None => expected.insert(check.expected()?),
            };
            let row = check.row(session, expected)?;
            let is_same =
                |other: &&mut Row| (&other.kernel, other.variant) == (&row.kernel, row.variant);
            match rows.iter_mut().find(is_same) {
                Some(worst) => *worst = worst.clone().worse(row),
                None => rows.push(row),
            }
        }
    }
    session.force(None);
    if rows.is_empty() {
        rows.push(Row::nothing(kernel.name, Variant::DEFAULT, "no cases".to_owned()));
    }
    // Computations in the order of the cases, with the variants of each together.
    let names: Vec<_> = rows.iter().map(|row| row.kernel.clone()).collect();
    rows.sort_by_key(|row| {
        let variant = variants.iter().position(|variant| variant.name() == row.variant);
        (names.iter().position(|name| *name == row.kernel), variant)
    });
    Ok(rows)
}

/// Runs one case on a device and on the oracle, and compares everything that the kernel writes.
///
/// # Errors
/// If the device fails.
pub fn verify_case(
    session: &mut dyn Session,
    kernel: &Kernel,
    case: &Case,
    variant: Variant,
    seed: u64,
) -> Result<Row> {
    let check = Check::new(kernel, case, variant, seed)?;
    let expected = check.expected()?;
    check.row(session, &expected)
}

/// A graph of one node, with the elements of its operands, which do not depend on the variant.
struct Check {
    variant: Variant,
    tolerance: Tolerance,
    call: Call,
    plan: Plan,
    operands: Vec<(String, Filled)>,
    targets: Vec<String>,
    step: Step,
}

impl Check {
    fn new(kernel: &Kernel, case: &Case, variant: Variant, seed: u64) -> Result<Self> {
        let mut rng = generator(seed, 0);
        // Sessions identify tensors by name, so each case needs names of its own.
        let case_graph = case.graph(&format!("{} {} {seed}", kernel.name, variant.name()))?;
        let name = |id: &TensorId| case_graph.graph.tensor(*id).name.clone();
        let inputs = case.inputs.iter().chain(case.targets.iter().map(|(input, _)| input));
        let filled = inputs.map(|input| fill(input, &mut rng));
        let names = case_graph.operands.iter().map(name);
        let outputs = case_graph.outputs();
        let call = Call::of(&case_graph.graph, case_graph.node());
        Ok(Self {
            variant,
            tolerance: (kernel.tolerance)(&call),
            call,
            operands: names.zip(filled).collect(),
            targets: case_graph.operands[case.inputs.len()..].iter().map(name).collect(),
            plan: Plan::new(case_graph.graph.clone(), &outputs),
            step: Step::new(seed, 1_000_003, 3),
        })
    }

    fn expected(&self) -> Result<Vec<Vec<f64>>> {
        self.run(&mut CpuSession::<f64>::new())
    }

    /// Runs the node and compares everything that the kernel writes.
    fn row(&self, session: &mut dyn Session, expected: &[Vec<f64>]) -> Result<Row> {
        let found = self.run(session)?;
        let comparisons = found.iter().zip(expected).map(|(found, expected)| {
            let comparison: Comparison = compare(found, expected, self.tolerance);
            Row::new(&self.call.label(), self.variant.name(), self.shape(), &comparison)
        });
        let none = || Row::nothing(&self.call.label(), self.variant, self.shape());
        Ok(comparisons.reduce(Row::worse).unwrap_or_else(none))
    }

    /// Runs the node and returns the kernel's results, tensor by tensor.
    fn run(&self, session: &mut dyn Session) -> Result<Vec<Vec<f64>>> {
        let program: ProgramId = session.load(self.plan.clone())?;
        for (name, filled) in &self.operands {
            session.write(name, filled.values())?;
        }
        session.poison(program)?;
        session.run(program, &[self.step])?;
        session.take_log(true)?;
        let outputs = self.plan.outputs().iter().map(|&id| session.read_output(program, id));
        let mut written = outputs.collect::<Result<Vec<_>>>()?;
        for name in &self.targets {
            written.push(session.read(name)?);
        }
        Ok(written)
    }

    fn shape(&self) -> String {
        let text = self.call.to_string();
        text.strip_prefix(&self.call.label()).unwrap_or(&text).trim_start().to_owned()
    }
}
