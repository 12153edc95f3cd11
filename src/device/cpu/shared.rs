//! Numbers of which several threads write disjoint parts at once: the callers guarantee that the
//! parts are disjoint, stage by stage ([`program`](super::program)).

use aligned_vec::{AVec, CACHELINE_ALIGN};
use std::cell::UnsafeCell;
use std::ops::Range;

/// A tensor's numbers, aligned to a cache line: a vector that crosses two lines takes two accesses.
#[derive(Debug)]
pub(super) struct Shared<T>(AVec<UnsafeCell<T>>);

#[allow(unsafe_code)]
// SAFETY: through a shared reference the numbers are accessed only by `part` and `part_mut`, whose
// callers guarantee that no part is written while another thread accesses it.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    /// Creates `len` numbers of this value.
    pub(super) fn new(len: usize, value: T) -> Self {
        Self(AVec::from_iter(CACHELINE_ALIGN, (0..len).map(|_| UnsafeCell::new(value))))
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the whole slice, given exclusive access.
    pub(super) fn get_mut(&mut self) -> &mut [T] {
        let len = self.len();
        #[allow(unsafe_code)]
        // SAFETY: there is no other reference.
        unsafe {
            self.part_mut(0..len)
        }
    }

    /// Returns a part of the numbers.
    ///
    /// # Safety
    /// While the reference lives, no thread writes this range.
    #[allow(unsafe_code)]
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &[T] {
        let part = &self.0[range];
        // SAFETY: an `UnsafeCell<T>` has the layout of a T; the caller guarantees that no thread
        // writes.
        unsafe { std::slice::from_raw_parts(part.as_ptr().cast(), part.len()) }
    }

    /// Returns a part of the numbers for writing.
    ///
    /// # Safety
    /// While the reference lives, no other thread reads or writes this range.
    #[allow(unsafe_code)]
    #[expect(clippy::mut_from_ref, reason = "the caller promises that it is the only one")]
    pub(super) unsafe fn part_mut(&self, range: Range<usize>) -> &mut [T] {
        let part = &self.0[range];
        // SAFETY: as above; an `UnsafeCell` may be written through a shared reference, and the
        // caller guarantees that no other thread reads or writes.
        unsafe { std::slice::from_raw_parts_mut(UnsafeCell::raw_get(part.as_ptr()), part.len()) }
    }
}
