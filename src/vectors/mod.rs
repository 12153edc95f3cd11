//! The vector instructions of this CPU, found at run time by the `pulp` crate, and elementary functions
//! that become vectors.

pub mod math;

use pulp::Arch;
use std::cell::Cell;

/// A vector instruction set for kernels on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// The set that every CPU of the architecture has; on x86-64 one number at a time.
    Portable,
    /// Eight numbers.
    Avx2,
    /// Sixteen numbers.
    Avx512,
}

/// Returns the vector instruction sets of this CPU, the widest last.
pub fn vectors() -> impl DoubleEndedIterator<Item = Vectors> {
    let all = [Vectors::Portable, Vectors::Avx2, Vectors::Avx512];
    all.into_iter().filter(|&vectors| arch_of(vectors).is_some())
}

fn arch_of(vectors: Vectors) -> Option<Arch> {
    match vectors {
        #[cfg(target_arch = "x86_64")]
        Vectors::Portable => Some(Arch::Scalar),
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Portable => Some(Arch::new()),
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Avx2 | Vectors::Avx512 => None,
    }
}

thread_local! {
    /// The instruction set of kernels on this thread.
    static ARCH: Cell<Arch> = Cell::new(Arch::new());
}

/// Sets the instruction set of kernels on this thread, if the CPU supports it.
pub fn use_vectors(vectors: Vectors) {
    if let Some(arch) = arch_of(vectors) {
        ARCH.set(arch);
    }
}

/// Runs a function with vector instructions.
pub(crate) fn vectorized<R>(run: impl FnOnce() -> R) -> R {
    arch().dispatch(run)
}

pub(crate) fn arch() -> Arch {
    ARCH.get()
}
