//! WGSL's arithmetic on single values: float types through [`Real`], integers with WGSL's wrapping,
//! vectors, and packed numbers.

pub(crate) mod elementary;
pub(crate) mod geometry;
pub(crate) mod integer;
pub(crate) mod pack;
mod real;

pub(crate) use real::{Real, nearest_f16};
