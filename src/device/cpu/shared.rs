//! Numbers that several threads write disjoint parts of at once: who does so promises that they are
//! disjoint, stage by stage ([`program`](super::program)).

use aligned_vec::{AVec, CACHELINE_ALIGN};
use std::cell::UnsafeCell;
use std::ops::Range;

/// A tensor's numbers, from the beginning of a cache line on: a vector that lies across two lines
/// costs two.
#[derive(Debug)]
pub(super) struct Shared<T>(AVec<UnsafeCell<T>>);

#[allow(unsafe_code)]
// SAFETY: through a shared reference the numbers are reached by `part` and `part_mut` alone, whose
// callers promise that no part is written while it is reached by others.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    /// So many of one number.
    pub(super) fn new(len: usize, value: T) -> Self {
        Self(AVec::from_iter(CACHELINE_ALIGN, (0..len).map(|_| UnsafeCell::new(value))))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, for one who has them alone.
    pub(super) fn get_mut(&mut self) -> &mut [T] {
        let len = self.len();
        #[allow(unsafe_code)]
        // SAFETY: nobody else has a reference.
        unsafe {
            self.part_mut(0..len)
        }
    }

    /// Some of them.
    ///
    /// # Safety
    /// While the reference lives, nobody writes these.
    #[allow(unsafe_code)]
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &[T] {
        let part = &self.0[range];
        // SAFETY: an `UnsafeCell<T>` is laid out as a T is; by the caller's promise nobody writes.
        unsafe { std::slice::from_raw_parts(part.as_ptr().cast(), part.len()) }
    }

    /// Some of them, to be written.
    ///
    /// # Safety
    /// While the reference lives, nobody else reads or writes these.
    #[allow(unsafe_code)]
    #[expect(clippy::mut_from_ref, reason = "the caller promises that it is the only one")]
    pub(super) unsafe fn part_mut(&self, range: Range<usize>) -> &mut [T] {
        let part = &self.0[range];
        // SAFETY: as above; an `UnsafeCell` may be written through a shared reference, and by the
        // caller's promise nobody else reads or writes.
        unsafe { std::slice::from_raw_parts_mut(UnsafeCell::raw_get(part.as_ptr()), part.len()) }
    }
}
