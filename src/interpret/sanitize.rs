//! Runs of one program in several orders and at several subgroup sizes, whose results must agree.

use super::run::SUBGROUP_SIZES;
use super::{
    Arithmetic, Dispatch, Finding, Kind, Options, Order, Output, Place, Program, Report, Result,
};
use std::collections::BTreeMap;

/// The runs of a sanitized program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Orders, the first of which all others are compared with. The others are left out if
    /// invocations do not share memory, and [`Order::Interleaved`] if the program has no atomics.
    pub orders: Vec<Order>,
    /// Subgroup sizes, if the program uses subgroups; the results of the last one are returned.
    pub subgroup_sizes: Vec<u32>,
    /// Options of each run except order and subgroup size.
    pub options: Options,
}

impl Default for Plan {
    /// Four orders, and every subgroup size.
    fn default() -> Self {
        Self {
            orders: vec![Order::Forward, Order::Reverse, Order::Shuffled(1), Order::Interleaved],
            subgroup_sizes: SUBGROUP_SIZES.to_vec(),
            options: Options::default(),
        }
    }
}

/// Largest relative difference, by the largest number of the buffer, between results of different
/// subgroup sizes in f64. Sums in another order differ by less.
const TOLERANCE: f64 = 1e-9;

impl Program {
    /// Runs the program as planned and compares the results. The report has the results and counts
    /// of the first order and the last subgroup size, and the findings of all runs.
    ///
    /// Results of different orders must have equal bits. Those of different subgroup sizes may have
    /// different roundings: if the bits differ, the program is run again in f64, and a difference
    /// there is a finding.
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub fn sanitize(&self, dispatch: &Dispatch, plan: &Plan) -> Result<Report> {
        let default = [plan.options.subgroup_size];
        let sizes = if self.uses_subgroups() { &plan.subgroup_sizes[..] } else { &default };
        let mut all = Findings::default();
        let mut previous: Option<(u32, Report)> = None;
        let mut is_complete = true;
        for &size in sizes {
            let options = Options { subgroup_size: size, ..plan.options.clone() };
            let report = self.run_orders(dispatch, &options, &plan.orders, &mut all)?;
            if let Some((other, before)) = &previous
                && let Some(difference) = difference(&before.buffers, &report.buffers)
                && self.depends_on_size(dispatch, &options, *other)?
            {
                let sizes = format!("subgroup sizes {other} and {size}");
                all.add(difference.finding(Kind::SubgroupSizeDependent, self, &sizes));
            }
            is_complete &= report.is_complete;
            previous = Some((size, report));
        }
        let mut report = match previous {
            Some((_, report)) => report,
            None => self.run(dispatch, &plan.options)?,
        };
        report.findings = all.finish(&plan.options.ignored);
        report.is_complete &= is_complete;
        Ok(report)
    }

    /// Runs the program in several orders, and returns the results of the first one.
    fn run_orders(
        &self,
        dispatch: &Dispatch,
        options: &Options,
        orders: &[Order],
        all: &mut Findings,
    ) -> Result<Report> {
        let first = orders.first().copied().unwrap_or_default();
        let mut report = self.run(dispatch, &Options { order: first, ..options.clone() })?;
        all.extend(std::mem::take(&mut report.findings));
        let (shares_memory, uses_atomics) = (self.shares_memory(), self.uses_atomics());
        let differs =
            |order: &Order| shares_memory && (*order != Order::Interleaved || uses_atomics);
        for &order in orders.iter().skip(1).filter(|order| differs(order)) {
            let other = self.run(dispatch, &Options { order, ..options.clone() })?;
            all.extend(other.findings);
            if let Some(difference) = difference(&report.buffers, &other.buffers) {
                let orders = format!("the orders {first:?} and {order:?}");
                all.add(difference.finding(Kind::OrderDependent, self, &orders));
            }
            report.is_complete &= other.is_complete;
        }
        Ok(report)
    }

    /// Whether results of two subgroup sizes differ by more than rounding.
    fn depends_on_size(&self, dispatch: &Dispatch, options: &Options, other: u32) -> Result<bool> {
        let exact = Options { arithmetic: Arithmetic::F64, ..options.clone() };
        let first = self.run(dispatch, &Options { subgroup_size: other, ..exact.clone() })?;
        let second = self.run(dispatch, &exact)?;
        let mut pairs = first.buffers.iter().zip(&second.buffers);
        Ok(pairs.any(|(first, second)| {
            let largest = first.values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            let close = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= TOLERANCE * largest;
            // A NaN on both sides is no difference.
            let same = |(a, b): (&f64, &f64)| close((a, b)) || a.is_nan() && b.is_nan();
            !first.values.iter().zip(&second.values).all(same)
        }))
    }
}

/// The first scalar in which two results differ.
struct Difference<'a> {
    buffer: &'a Output,
    element: u64,
    values: [f64; 2],
}

impl Difference<'_> {
    /// Returns the finding at the first store to the buffer.
    fn finding(&self, kind: Kind, program: &Program, between: &str) -> Finding {
        let [a, b] = self.values;
        let (buffer, element) = (&self.buffer.name, self.element);
        Finding {
            kind,
            place: program.first_store(self.buffer.group, self.buffer.binding),
            message: format!("{between} give {a} and {b} in scalar {element} of {buffer}"),
            invocation: [0; 3],
            workgroup: [0; 3],
            element: Some((buffer.clone(), element)),
            other: None,
            count: 1,
        }
    }
}

fn difference<'a>(first: &'a [Output], second: &[Output]) -> Option<Difference<'a>> {
    first.iter().zip(second).find_map(|(a, b)| {
        let differ =
            |(a, b): (&f64, &f64)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan());
        let element = a.values.iter().zip(&b.values).position(differ)?;
        let values = [a.values[element], b.values[element]];
        Some(Difference { buffer: a, element: element as u64, values })
    })
}

/// Findings of several runs: those of one kind and place are one.
#[derive(Default)]
struct Findings(BTreeMap<(Place, Kind, Option<Place>), Finding>);

impl Findings {
    fn add(&mut self, finding: Finding) {
        let key = (finding.place, finding.kind, finding.other.map(|other| other.place));
        let known = self.0.entry(key).or_insert_with(|| finding.clone());
        known.count = known.count.max(finding.count);
    }

    fn extend(&mut self, findings: Vec<Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    fn finish(self, ignored: &[Kind]) -> Vec<Finding> {
        self.0.into_values().filter(|finding| !ignored.contains(&finding.kind)).collect()
    }
}
