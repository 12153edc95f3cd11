//! Findings: faults of a program that an execution shows. Those of one kind and one place are one
//! finding with a count; its details are those of the first invocation.

use super::Place;
use super::program::Program;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Two invocations of a workgroup access an element of workgroup memory without a barrier
    /// between them, at least one of them to write.
    WorkgroupRace,
    /// The same in a storage buffer, or two workgroups access an element and one of them writes.
    StorageRace,
    /// Not all invocations of the workgroup reach a barrier.
    DivergentBarrier,
    /// Not all invocations of the subgroup reach a subgroup or quad operation.
    DivergentCollective,
    /// An index past the end.
    OutOfBounds,
    /// A read of memory that nothing wrote.
    UndefinedRead,
    /// An operation on finite numbers results in an infinity or NaN.
    Nonfinite,
    /// Results depend on the order in which invocations run.
    OrderDependent,
    /// Results depend on the subgroup size.
    SubgroupSizeDependent,
    /// Signed overflow, a shift by the width or more, a division by zero, or a conversion that
    /// does not fit: WGSL defines the result, but it is seldom intended.
    Integer,
    /// More iterations than the limit.
    LoopLimit,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::WorkgroupRace,
        Self::StorageRace,
        Self::DivergentBarrier,
        Self::DivergentCollective,
        Self::OutOfBounds,
        Self::UndefinedRead,
        Self::Nonfinite,
        Self::OrderDependent,
        Self::SubgroupSizeDependent,
        Self::Integer,
        Self::LoopLimit,
    ];

    /// The name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::WorkgroupRace => "workgroup_race",
            Self::StorageRace => "storage_race",
            Self::DivergentBarrier => "divergent_barrier",
            Self::DivergentCollective => "divergent_collective",
            Self::OutOfBounds => "out_of_bounds",
            Self::UndefinedRead => "undefined_read",
            Self::Nonfinite => "nonfinite",
            Self::OrderDependent => "order_dependent",
            Self::SubgroupSizeDependent => "subgroup_size_dependent",
            Self::Integer => "integer",
            Self::LoopLimit => "loop_limit",
        }
    }

    /// Whether the finding is a warning: the result is defined, and may be intended.
    pub fn is_warning(self) -> bool {
        self == Self::Integer
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The other access of a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// Where the access is in the text.
    pub place: Place,
    /// `local_invocation_id` of the invocation.
    pub invocation: [u32; 3],
    /// `workgroup_id` of the invocation.
    pub workgroup: [u32; 3],
}

/// A fault, with the first invocation that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Kind.
    pub kind: Kind,
    /// Place in the text.
    pub place: Place,
    /// Description of the first occurrence.
    pub message: String,
    /// `local_invocation_id` of the first occurrence.
    pub invocation: [u32; 3],
    /// `workgroup_id` of the first occurrence.
    pub workgroup: [u32; 3],
    /// Variable, and scalar within it, counted without padding.
    pub element: Option<(String, u64)>,
    /// The other access of a race.
    pub other: Option<Other>,
    /// Number of occurrences.
    pub count: u64,
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let [x, y, z] = self.invocation;
        let [across, down, deep] = self.workgroup;
        write!(f, "{}: {}: {}", self.place, self.kind, self.message)?;
        write!(f, " (invocation {x}, {y}, {z} of workgroup {across}, {down}, {deep}")?;
        if let Some(other) = self.other {
            let ([x, y, z], [across, down, deep]) = (other.invocation, other.workgroup);
            write!(f, "; with {}, invocation {x}, {y}, {z}", other.place)?;
            write!(f, " of workgroup {across}, {down}, {deep}")?;
        }
        if self.count > 1 {
            write!(f, "; {} times", self.count)?;
        }
        f.write_str(")")
    }
}

/// An invocation: its workgroup's index in the grid and its index in the workgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) workgroup: u32,
    pub(super) lane: u32,
}

/// Details of an occurrence.
#[derive(Clone, Debug)]
pub(super) struct Occurrence {
    pub(super) who: Who,
    /// Memory ([`WORKGROUP`](super::op::WORKGROUP) or a buffer) and cell.
    pub(super) cell: Option<(u16, u64)>,
    /// The other access: its operation and invocation.
    pub(super) other: Option<(u32, Who)>,
    pub(super) message: String,
}

/// Findings by kind and operation, and the other operation of a race.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: BTreeMap<(Kind, u32, Option<u32>), (u64, Occurrence)>,
}

impl Log {
    /// Adds an occurrence at operation `pc`. `message` is called if it is the first.
    #[cold]
    pub(super) fn add(
        &mut self,
        kind: Kind,
        pc: u32,
        who: Who,
        cell: Option<(u16, u64)>,
        message: impl FnOnce() -> String,
    ) {
        self.record(
            kind,
            pc,
            1,
            Occurrence { who, cell, other: None, message: String::new() },
            message,
        );
    }

    /// Adds `count` occurrences of which `occurrence` is the first.
    #[cold]
    pub(super) fn record(
        &mut self,
        kind: Kind,
        pc: u32,
        count: u64,
        occurrence: Occurrence,
        message: impl FnOnce() -> String,
    ) {
        let key = (kind, pc, occurrence.other.map(|(pc, _)| pc));
        let (total, first) = self.entries.entry(key).or_insert_with(|| {
            let who = Who { workgroup: u32::MAX, lane: u32::MAX };
            (0, Occurrence { who, ..occurrence.clone() })
        });
        *total += count;
        if occurrence.who < first.who {
            *first = Occurrence { message: message(), ..occurrence };
        }
    }

    /// Appends the findings of another part of the grid.
    pub(super) fn merge(&mut self, other: Self) {
        for ((kind, pc, _), (count, occurrence)) in other.entries {
            let message = occurrence.message.clone();
            self.record(kind, pc, count, occurrence, || message);
        }
    }

    /// Whether a finding has the kind.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.entries.keys().any(|&(found, _, _)| found == kind)
    }

    /// Returns the findings by place, except those of the kinds in `ignored`.
    pub(super) fn findings(
        self,
        program: &Program,
        grid: [u32; 3],
        ignored: &[Kind],
    ) -> Vec<Finding> {
        let mut merged = BTreeMap::<_, Finding>::new();
        for ((kind, pc, _), (count, occurrence)) in self.entries {
            if ignored.contains(&kind) {
                continue;
            }
            let finding = program.finding(kind, pc, count, occurrence, grid);
            let key = (finding.place, kind, finding.other.map(|other| other.place));
            merged.entry(key).and_modify(|known| known.count += count).or_insert(finding);
        }
        merged.into_values().collect()
    }
}
