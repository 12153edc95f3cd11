//! Detection of data races. Within a workgroup, each element has a record of its last write and of
//! reads by two different invocations since the last barrier: enough to find every pair of
//! conflicting invocations' first conflict in whatever order they run. Between workgroups, which
//! nothing synchronises, each element has the first and last workgroup in the grid that read or
//! wrote it: the minimum and maximum do not depend on the order either.

use super::finding::Who;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bits of a load's or store's number ([`Code::sites`](super::program::Code)).
const SITE: u32 = 16;
/// Bits of an invocation's index in its workgroup.
const LANE: u32 = 10;
/// Bits of the number of a subgroup's barriers since the last one of the workgroup.
const PART: u32 = 8;
/// Bits of the number of the workgroup's barriers.
const EPOCH: u32 = 30;

/// Most invocations of a workgroup.
pub(super) const MOST_LANES: u64 = 1 << LANE;

/// Number of barriers after which records are cleared.
pub(super) const LAST_EPOCH: u64 = (1 << EPOCH) - 1;

/// The largest number of a subgroup's barriers, which stands for all greater ones.
pub(super) const LAST_PART: u64 = (1 << PART) - 1;

/// An access: epoch, part, lane and site. Epochs count from 1, so that 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record(u64);

impl Record {
    /// An access by an invocation; its site is set by [`at`](Self::at).
    pub(super) fn new(epoch: u64, part: u64, lane: u32) -> Self {
        Self(((epoch << PART | part) << LANE | u64::from(lane)) << SITE)
    }

    /// The same invocation's access at another site.
    #[inline(always)]
    pub(super) fn at(self, site: u16) -> Self {
        Self(self.0 | u64::from(site))
    }

    fn epoch(self) -> u64 {
        self.0 >> (SITE + LANE + PART)
    }

    fn part(self) -> u64 {
        self.0 >> (SITE + LANE) & LAST_PART
    }

    /// The invocation's index in its workgroup.
    pub(super) fn lane(self) -> u32 {
        (self.0 >> SITE) as u32 & ((1 << LANE) - 1)
    }

    /// Number of the load or store.
    pub(super) fn site(self) -> u16 {
        self.0 as u16
    }

    /// Whether nothing orders this access before `later`, by another invocation.
    #[inline(always)]
    fn conflicts(self, later: Self, subgroup_size: u32) -> bool {
        self.epoch() == later.epoch()
            && self.lane() != later.lane()
            && (self.lane() / subgroup_size != later.lane() / subgroup_size
                || self.part() == later.part() && self.part() != LAST_PART)
    }
}

/// The accesses of a workgroup's invocations to an element.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shadow {
    write: Record,
    reads: [Record; 2],
}

impl Shadow {
    /// Whether there was a write in epoch `first` or later.
    pub(super) fn is_written_since(&self, first: u64) -> bool {
        self.write.epoch() >= first
    }

    /// Adds a write by an atomic operation, which conflicts with no other one. The epoch of
    /// `passed` counts barriers of any memory.
    pub(super) fn write_atomic(&mut self, by: Record, passed: Record) {
        self.write = by;
        self.reads[0] = passed;
    }

    /// Returns the last write by an atomic operation if a barrier lies between it and a read, but
    /// none that orders this memory.
    pub(super) fn misordered(
        &self,
        by: Record,
        passed: Record,
        subgroup_size: u32,
    ) -> Option<Record> {
        let waited = self.reads[0].epoch() != passed.epoch();
        (waited && self.write.conflicts(by, subgroup_size)).then_some(self.write)
    }

    /// Adds a read; returns a conflicting access.
    #[inline(always)]
    pub(super) fn read(&mut self, by: Record, subgroup_size: u32) -> Option<Record> {
        let [first, second] = &mut self.reads;
        let is_first = first.epoch() != by.epoch() || first.lane() == by.lane();
        *(if is_first { first } else { second }) = by;
        self.write.conflicts(by, subgroup_size).then_some(self.write)
    }

    /// Adds a write; returns a conflicting access.
    #[inline(always)]
    pub(super) fn write(&mut self, by: Record, subgroup_size: u32) -> Option<Record> {
        let [first, second] = self.reads;
        let conflict = [self.write, first, second]
            .into_iter()
            .find(|earlier| earlier.conflicts(by, subgroup_size));
        self.write = by;
        conflict
    }
}

/// The first and last workgroup that read or wrote an element, each with invocation and site. The
/// first is the maximum of complements, so that 0 is none.
#[derive(Debug, Default)]
pub(super) struct Extent {
    first_write: AtomicU64,
    last_write: AtomicU64,
    first_read: AtomicU64,
    last_read: AtomicU64,
}

/// Returns an invocation's access in an extent; never 0.
pub(super) fn global(who: Who, site: u16) -> u64 {
    (u64::from(who.workgroup) + 1) << (SITE + LANE) | u64::from(who.lane) << SITE | u64::from(site)
}

/// Returns the invocation and site of an access in an extent.
pub(super) fn parts(access: u64) -> (Who, u16) {
    let workgroup = ((access >> (SITE + LANE)) as u32).wrapping_sub(1);
    let lane = (access >> SITE) as u32 & ((1 << LANE) - 1);
    (Who { workgroup, lane }, access as u16)
}

#[inline(always)]
fn raise(extreme: &AtomicU64, access: u64) {
    if access > extreme.load(Relaxed) {
        extreme.fetch_max(access, Relaxed);
    }
}

impl Extent {
    #[inline(always)]
    pub(super) fn read(&self, access: u64) {
        raise(&self.first_read, !access);
        raise(&self.last_read, access);
    }

    #[inline(always)]
    pub(super) fn write(&self, access: u64) {
        raise(&self.first_write, !access);
        raise(&self.last_write, access);
    }

    /// Returns a write and a conflicting access of another workgroup, as [`global`] makes them.
    pub(super) fn conflict(&self) -> Option<(u64, u64)> {
        let last_write = self.last_write.load(Relaxed);
        if last_write == 0 {
            return None;
        }
        let first_write = !self.first_write.load(Relaxed);
        let workgroup = |access: u64| access >> (SITE + LANE);
        let mut others = vec![last_write];
        if self.last_read.load(Relaxed) != 0 {
            others.push(!self.first_read.load(Relaxed));
            others.push(self.last_read.load(Relaxed));
        }
        let other = others.into_iter().find(|&o| workgroup(o) != workgroup(first_write))?;
        Some((first_write, other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(lane: u32) -> Record {
        Record::new(1, 0, lane).at(lane as u16)
    }

    #[test]
    fn a_write_conflicts_with_any_other_reader() {
        let mut shadow = Shadow::default();
        assert_eq!(shadow.read(by(3), 4), None);
        assert_eq!(shadow.read(by(5), 4), None);
        assert_eq!(shadow.write(by(5), 4), Some(by(3)));
        let mut shadow = Shadow::default();
        assert_eq!(shadow.read(by(5), 4), None);
        assert_eq!(shadow.read(by(3), 4), None);
        assert_eq!(shadow.write(by(5), 4), Some(by(3)));
        assert_eq!(shadow.read(by(6), 4), Some(by(5)));
    }

    #[test]
    fn barriers_order_accesses() {
        let mut shadow = Shadow::default();
        assert_eq!(shadow.write(by(0), 4), None);
        assert_eq!(shadow.read(Record::new(2, 0, 1), 4), None);
        // A subgroup's barrier orders its own invocations only.
        let mut shadow = Shadow::default();
        assert_eq!(shadow.write(by(0), 4), None);
        assert_eq!(shadow.read(Record::new(1, 1, 1), 4), None);
        assert_eq!(shadow.read(Record::new(1, 1, 4), 4), Some(by(0)));
    }

    #[test]
    fn workgroups_conflict_in_any_order() {
        let access = |workgroup| global(Who { workgroup, lane: 9 }, 7);
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let extent = Extent::default();
            order.iter().for_each(|&workgroup| extent.read(access(workgroup)));
            assert_eq!(extent.conflict(), None);
            extent.write(access(1));
            assert_eq!(extent.conflict(), Some((access(1), access(0))));
        }
        assert_eq!(parts(access(5)), (Who { workgroup: 5, lane: 9 }, 7));
    }
}
