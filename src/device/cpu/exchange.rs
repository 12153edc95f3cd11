//! Tensors that threads write in parts and read whole. Cores that don't share a cache pay dearly for
//! writing what another has read: on an EPYC 33 ns a cache line, where reading what another has
//! written, or writing what another has written, takes 2.5 ns. So every thread has a replica to itself,
//! and parts go through a master copy, of which a line belongs to whoever has touched it last: a thread
//! writes its part there, and the others take it from there as if to write it.

use super::shared::Shared;
use crate::simd::{Part, take_over};
use std::ops::Range;

/// The numbers of a tensor.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    master: Shared<T>,
    /// One a thread; none if all may use the master.
    replicas: Vec<Shared<T>>,
}

impl<T: Copy> Numbers<T> {
    /// So many of one number, in one place.
    pub(super) fn new(len: usize, value: T) -> Self {
        Self { master: Shared::new(len, value), replicas: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.master.len()
    }

    /// How many copies there are of each.
    pub(super) fn copies(&self) -> usize {
        1 + self.replicas.len()
    }

    /// Bytes of all copies.
    pub(super) fn bytes(&self) -> u64 {
        (self.copies() * self.len() * size_of::<T>()) as u64
    }

    /// Gives each of so many threads a replica.
    pub(super) fn replicate(&mut self, threads: usize, value: T) {
        if threads > 1 && self.replicas.is_empty() {
            let new = || Shared::new(self.master.len(), value);
            self.replicas = (0..threads).map(|_| new()).collect();
            self.publish_all();
        }
    }

    /// Frees the replicas, of what threads no longer write in parts and read whole.
    pub(super) fn leave_one(&mut self) {
        self.replicas = Vec::new();
    }

    /// All numbers, which every thread has sent.
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

    /// What a thread reads and writes.
    pub(super) fn of(&self, thread: usize) -> &Shared<T> {
        self.replicas.get(thread).unwrap_or(&self.master)
    }

    /// Sends a thread's part to the master; to all others, too, if it is the only one that runs.
    ///
    /// # Safety
    /// Until all have met, no other thread reaches these of the master; if it is the only one, nobody
    /// reaches any.
    #[allow(unsafe_code)]
    pub(super) unsafe fn send(&self, part: Part, range: Range<usize>) {
        let Some((own, others)) = self.replicas.split_first() else { return };
        let own = if part.count > 1 { &self.replicas[part.index] } else { own };
        // SAFETY: the thread has its replica to itself, and by the caller's promise these of the
        // master.
        let sent = unsafe { own.part(range.clone()) };
        unsafe { self.master.part_mut(range.clone()) }.copy_from_slice(sent);
        if part.count == 1 {
            for other in others {
                // SAFETY: by the caller's promise nobody else reaches it.
                unsafe { other.part_mut(range.clone()) }.copy_from_slice(sent);
            }
        }
    }

    /// Takes another thread's part from the master.
    ///
    /// # Safety
    /// All have met since it was sent, and until they meet again nobody else but those who take it,
    /// too, reaches these of the master.
    #[allow(unsafe_code)]
    pub(super) unsafe fn receive(&self, thread: usize, range: Range<usize>) {
        if let Some(own) = self.replicas.get(thread) {
            // SAFETY: the thread has its replica to itself, and nobody writes these of the master.
            unsafe { take_over(self.master.part(range.clone()), own.part_mut(range)) }
        }
    }
}
