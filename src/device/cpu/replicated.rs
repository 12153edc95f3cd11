//! Tensors that threads write in parts and read whole. Between cores that do not share a cache,
//! writing a line that another core has read is slow: on an EPYC 33 ns a cache line, whereas
//! reading or writing a line that another core has written takes 2.5 ns. So every thread has a
//! replica of its own, and parts go through a master copy, where ownership of a cache line moves to
//! the last core that touched it: a thread writes its part there, and the others fetch the lines
//! for writing and copy them.

use super::shared::Shared;
use crate::simd::{Part, take_over};
use std::ops::Range;

/// The numbers of a tensor.
#[derive(Debug)]
pub(super) struct Replicated<T> {
    master: Shared<T>,
    /// One per thread; empty if all threads use the master.
    replicas: Vec<Shared<T>>,
}

impl<T: Copy> Replicated<T> {
    /// Creates `len` numbers of this value, without replicas.
    pub(super) fn new(len: usize, value: T) -> Self {
        Self { master: Shared::new(len, value), replicas: Vec::new() }
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        self.master.len()
    }

    /// Returns the number of copies of each element.
    pub(super) fn copies(&self) -> usize {
        1 + self.replicas.len()
    }

    /// Returns the bytes of all copies.
    pub(super) fn bytes(&self) -> u64 {
        (self.copies() * self.len() * size_of::<T>()) as u64
    }

    /// Gives each of `threads` threads a replica.
    pub(super) fn replicate(&mut self, threads: usize, value: T) {
        if threads > 1 && self.replicas.is_empty() {
            let new = || Shared::new(self.master.len(), value);
            self.replicas = (0..threads).map(|_| new()).collect();
            self.publish_all();
        }
    }

    /// Frees the replicas; for tensors that threads no longer write in parts and read whole.
    pub(super) fn leave_one(&mut self) {
        self.replicas = Vec::new();
    }

    /// Returns all numbers; every thread has sent its part.
    pub(super) fn read(&mut self) -> &[T] {
        self.master.get_mut()
    }

    /// Changes all copies.
    pub(super) fn write(&mut self, change: impl FnOnce(&mut [T])) {
        change(self.master.get_mut());
        self.publish_all();
    }

    fn publish_all(&mut self) {
        let master = self.master.get_mut();
        self.replicas.iter_mut().for_each(|replica| replica.get_mut().copy_from_slice(master));
    }

    /// Returns the copy that a thread reads and writes.
    pub(super) fn of(&self, thread: usize) -> &Shared<T> {
        self.replicas.get(thread).unwrap_or(&self.master)
    }

    /// Copies a thread's part to the master; to all replicas, too, if only one thread runs.
    ///
    /// # Safety
    /// Until the next barrier, no other thread accesses this range of the master; if only one
    /// thread runs, no other accesses this range of any copy.
    #[allow(unsafe_code)]
    pub(super) unsafe fn send(&self, part: Part, range: Range<usize>) {
        let Some((own, others)) = self.replicas.split_first() else { return };
        let own = if part.count > 1 { &self.replicas[part.index] } else { own };
        // SAFETY: no other thread accesses the replica and, as the caller guarantees, this range of
        // the master.
        let sent = unsafe { own.part(range.clone()) };
        unsafe { self.master.part_mut(range.clone()) }.copy_from_slice(sent);
        if part.count == 1 {
            for other in others {
                // SAFETY: the caller guarantees that no other thread accesses it.
                unsafe { other.part_mut(range.clone()) }.copy_from_slice(sent);
            }
        }
    }

    /// Copies another thread's part from the master to the thread's replica.
    ///
    /// # Safety
    /// All threads have passed a barrier since the part was sent, and until the next one no thread
    /// accesses this range of the master except to receive it.
    #[allow(unsafe_code)]
    pub(super) unsafe fn receive(&self, thread: usize, range: Range<usize>) {
        if let Some(own) = self.replicas.get(thread) {
            // SAFETY: no other thread accesses the replica, and none writes this range of the
            // master.
            unsafe { take_over(self.master.part(range.clone()), own.part_mut(range)) }
        }
    }
}
