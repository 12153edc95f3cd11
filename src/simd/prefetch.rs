//! Hints to the CPU's caches. What another core has written or read last takes a while to come over,
//! and longer where cores don't share a cache; a hint starts that while there is something else to
//! compute. No result depends on one, and where there is no such instruction nothing happens.

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// These will be read.
#[inline(always)]
pub(super) fn to_read<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(LINE / size_of::<T>()) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: a prefetch reads nothing that the program could see, at any address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// These will be written: no other core's cache need keep them.
#[inline(always)]
pub(super) fn to_write<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(LINE / size_of::<T>()) {
        #[allow(unsafe_code)]
        // SAFETY: as above. Processors that do not know the instruction take it for none. The
        // compiler has no intrinsic that is sure to become it.
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

/// Copies what another core has written, so that it need not ask this one when it writes there again.
pub fn take_over<T: Copy>(from: &[T], to: &mut [T]) {
    /// Numbers that are on their way at once.
    const AHEAD: usize = 1024;
    to_write(&from[..AHEAD.min(from.len())]);
    for (index, (from_chunk, to)) in from.chunks(AHEAD).zip(to.chunks_mut(AHEAD)).enumerate() {
        let next = ((index + 1) * AHEAD).min(from.len());
        to_write(&from[next..(next + AHEAD).min(from.len())]);
        to.copy_from_slice(from_chunk);
    }
}
