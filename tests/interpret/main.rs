//! Tests of the interpreter of compute shaders: whole programs, each kind of finding with its
//! corrected twin, and built-in functions.

mod builtins;
mod control;
mod counts;
mod examples;
mod faults;
mod planted;
mod programs;
mod races;
mod refusals;
mod run;
mod subgroups;
