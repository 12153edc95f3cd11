//! Every test that needs more than one module, in one binary.

mod ask;
mod assess;
mod cli;
mod compare;
mod config;
mod data;
mod devices;
mod formats;
mod golden;
mod gradient;
mod graph;
mod kernels;
mod matrix;
mod model;
mod noise;
mod profile;
mod profile_page;
mod report;
mod roofs;
mod shaders;
mod side_by_side;
mod simd;
mod tensorboard;
mod training;
mod tuner;
mod vae;
