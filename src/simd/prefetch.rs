//! Hints to the CPU's caches. Fetching a line that another core has written or read takes a while,
//! and longer if the cores don't share a cache; a hint starts this while other work is done. No
//! result depends on one, and on other architectures they do nothing.

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Prefetches values for reading.
#[inline(always)]
pub(super) fn to_read<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(LINE / size_of::<T>()) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: a prefetch has no effect visible to the program, at any address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Prefetches values for writing, so that other cores' caches drop them.
#[inline(always)]
pub(super) fn to_write<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(LINE / size_of::<T>()) {
        #[allow(unsafe_code)]
        // SAFETY: as above. Processors without the instruction treat it as a no-op. No intrinsic of
        // the compiler is sure to emit it.
        unsafe {
            std::arch::asm!(
                "prefetchw [{line}]",
                line = in(reg) line.as_ptr(),
                options(nostack, preserves_flags, readonly)
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Copies values that another core wrote and takes ownership of their cache lines, so that the next
/// write here need not wait for that core.
pub fn take_over<T: Copy>(from: &[T], to: &mut [T]) {
    /// Numbers that are prefetched ahead.
    const AHEAD: usize = 1024;
    to_write(&from[..AHEAD.min(from.len())]);
    for (index, (from_chunk, to)) in from.chunks(AHEAD).zip(to.chunks_mut(AHEAD)).enumerate() {
        let next = ((index + 1) * AHEAD).min(from.len());
        to_write(&from[next..(next + AHEAD).min(from.len())]);
        to.copy_from_slice(from_chunk);
    }
}
