//! Execution. A worker runs one workgroup after another: each invocation until its next barrier or
//! collective operation, in a given order. Then all invocations of the workgroup, or of a subgroup,
//! must wait at the same operation: divergence is found exactly, and no result depends on threads.

mod access;
mod atomic;
mod bank;
mod begin;
mod collective;
mod frame;
mod step;
mod vectors;
mod workgroup;

pub(super) use workgroup::{Progress, Tally, Worker};
