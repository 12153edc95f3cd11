//! Tests of the interpreter of compute shaders: whole programs, each kind of finding with its
//! corrected twin, and built-in functions.

#![cfg(feature = "interpret")]

mod atomics;
mod builtins;
mod control;
mod counts;
#[cfg(feature = "gpu")]
mod drivers;
mod examples;
mod faults;
mod generator;
mod planted;
mod programs;
mod races;
mod random;
mod refusals;
mod run;
mod subgroups;
mod undefined;
