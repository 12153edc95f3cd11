//! WGSL's arithmetic on single values: float types through [`Real`], integers with WGSL's wrapping,
//! vectors, and packed numbers.

pub(super) mod elementary;
pub(super) mod geometry;
pub(super) mod integer;
pub(super) mod pack;
mod real;

pub(super) use real::Real;
