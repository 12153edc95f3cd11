//! wgvae trains variational autoencoders with WGSL compute shaders through wgpu, on Vulkan, Metal
//! and DX12, or on the CPU; every kernel has a CPU twin that it is checked against in f64.
//!
//! # As a dependency
//!
//! In a debug build the CPU's kernels and what reads files are up to 90 times slower. These lines in
//! the `Cargo.toml` of your program, or of its workspace, have dependencies optimised there, too:
//!
//! ```toml
//! [profile.dev.package."*"]
//! opt-level = 3
//! debug-assertions = false
//! ```
//!
//! [`Vae`] is where to begin.
//!
//! These docs are the architecture overview and the place where the design is explained.
//!
//! # Crate layout
//!
//! ```text
//! function  element-wise functions and likelihoods: a table with a row a function
//!   ↑
//! graph     what is computed: ops, gradients, order, memory. Plain data.
//!   ↑
//! kernel    how each op is computed: a table with a row a kernel. cpu/ holds the twins, simd/ what
//!           the CPU runs in their place
//!   ↑
//! device    where a plan runs: cpu.rs in f32 or f64, gpu/ through wgpu
//!   ↑
//! train, eval, verify, profile    what is run: epochs, measurements, checks, timings
//!   ↑
//! cli       what users type
//! ```
//!
//! Dependencies point upwards only. [`Vae`] has all of it behind one value, for programs that train
//! and use models. Beside them stand [`model`] (the autoencoder's graphs, weights
//! and file), [`optimizer`], [`checkpoint`], [`data`] (images from files), [`random`], [`report`]
//! (pictures and event files), [`mod@file`] and [`error`].
//!
//! # A step, from formula to dispatch
//!
//! 1. [`model::forward`] writes the model down as ops on a [`graph::Graph`];
//!    [`graph::gradients`] appends the backward ops and [`optimizer::rmsprop`] the updates.
//! 2. [`graph::fuse`] rewrites the graph into few nodes: element-wise ops become stages of the matrix
//!    product next to them, whatever the model, and a step of the default model is nine nodes. Each
//!    keeps the ops that it replaced, which the f64 oracle runs in its place. A [`graph::Plan`] drops
//!    unused nodes, orders the rest so that little memory is alive at once, and lets tensors that
//!    never meet share a slot. Hazards follow from what ops read and write; nobody declares them,
//!    and independent checkers judge order and slots.
//! 3. A [`device::Session`] looks each op up in [`kernel::kernels`] and makes everything that the
//!    steps will need: on a GPU the buffers, pipelines and bind groups. Several plans share a
//!    session's weights by name, in whatever order they are loaded: training, evaluation and sampling
//!    do. A tensor is freed with the last plan that has it. Where a kernel has several
//!    variants, [`device::gpu::Tuner`] runs them on this adapter, drops those that are wrong and
//!    takes the fastest.
//! 4. A step is then a list of dispatches. All that changes from one to the next is a
//!    [`graph::Step`], which comes in immediate data: the step's number, where its rows begin, the
//!    seed, the learning rate and the weight of the KL divergence. Many steps go into one submit of about 100 ms; the loss of each goes into a ring
//!    buffer that is read back while the next submit runs. Nothing is allocated or uploaded, except
//!    where an adapter has no immediate data: the steps of a submit are one write of a uniform buffer.
//!
//! `wgvae graph` prints the plan of a step.
//!
//! # Adding a function
//!
//! An activation, or a likelihood of a pixel, is a row of [`function::FUNCTIONS`], a text with its
//! value and slope in WGSL, `shaders/functions/NAME.wgsl`, and one in Rust, `src/function/NAME.rs`, of
//! which the f64 oracle, its f32 twin and the CPU's vectors are made. Gradients, fused kernels,
//! tests, `wgvae verify` and `--activation` walk the table.
//!
//! # Adding a kernel
//!
//! A kernel is its shader in `shaders/`, its twin in [`cpu`] under the same name, and its row in
//! [`kernel::kernels`]. Tests, `wgvae verify` and both devices walk the table. A new op also needs
//! its name and shape rule in [`graph::Op`] and its gradient rule. A shader names the files that it
//! imports in lines that begin with `#import`. The [`kernel::CORES`] make the sums of matrix products,
//! each in its own way; what becomes of the sums is a [`kernel::Epilogue`].
//!
//! # Why it is as it is
//!
//! - **Arguments have two forms.** Browsers have no immediate data, so one line of a kernel's text, the
//!   declaration of its arguments, is exchanged for that of a uniform buffer where the adapter has none
//!   ([`kernel::Passing`]). Storage buffers are group 0, at most the eight that every browser has.
//! - **Shapes are `override` constants, or immediate data.** One WGSL text serves every shape. Sizes of
//!   products and of stages are immediate data: as constants they made nothing faster, and every shape
//!   of every variant had to be compiled.
//! - **Epilogues are written, a line a value.** Eight fused kernels used to be files, which fitted one
//!   model. Now the stages around a product are lowered to a list of values, each from earlier ones
//!   ([`kernel::Epilogue`]). WGSL is written from the list, between a core and the functions' own files,
//!   and the CPU interprets it a tile at a time. What others read is stored; a function of what is read
//!   anyway is computed once more, and halves of a tensor are read where they lie, so that no group binds more
//!   than eight buffers.
//! - **What changes from step to step is no constant.** As a constant the learning rate was part of
//!   every pipeline's key, and a schedule would have compiled one a step.
//! - **One text for numbers and vectors.** What a product's kernel does after the sums is written
//!   for a `Unit`, which is `f32` or, where all rows are multiples of four, `vec4f`: half the time
//!   on llvmpipe.
//! - **Written for the strictest compiler of each rule.** `tests/compilers/check` hands every text to
//!   the compilers of DX12 and browsers and to SPIR-V's validators. Browsers require that all
//!   invocations of a workgroup reach a barrier, and can prove that only from immediate data and
//!   read-only buffers, so no private variable steers a loop with a barrier. No variable is a struct:
//!   naga gives each struct an explicit layout, which SPIR-V 1.5 and later refuse for variables. A zero
//!   is `Unit(0.0)`: for `Unit()` beside `vec4f()`, naga's HLSL defines a function twice. No buffer is
//!   called `dx`, which is a namespace of DXC's.
//! - **Quads instead of subgroups.** One core exchanges values among four neighbours by swaps, so it
//!   works for every subgroup size from 4 on, and is the fastest on both software drivers: three
//!   times as fast there as tiles in workgroup memory, which is memory like any other on a CPU.
//! - **Shaped by the instructions that come out.** Where there was no GPU to time, the cores for GPUs
//!   were shaped by what a compiler for one makes of them (`benches/isa`): each product added on its
//!   own, so that it becomes one instruction with the sum; one index for 16 numbers, since each is
//!   computed and checked; sums few enough for the registers of 8 waves.
//! - **Roofs are checked, then measured.** What a device can reach comes from kernels that do nothing
//!   else ([`kernel::probes`]), each with a known result: one that a compiler shortened would
//!   measure nothing.
//! - **A second pass only where tiles are few.** Sums of long rows with few tiles would leave most of
//!   a GPU idle; sliced cores split them among workgroups, and a second dispatch adds the slices in
//!   order.
//! - **The CPU runs the GPU's plan.** In f32 each fused node is a kernel of its own ([`simd`]), which
//!   threads share out: by rows of the batch up to the last gradient, then by rows of the weights, so
//!   a step makes them wait for each other twice. The products are ours, not those of a library: on
//!   an EPYC they came to 0.9 to 1.3 times the rate of the `gemm` crate's by themselves, and here
//!   what follows them finds its numbers in the first cache.
//! - **The CPU leaves zeros out.** Of binary images seven eighths are 0, and of what a ReLU puts out
//!   half at first and two thirds later. The terms of products that they would be in are left out,
//!   which changes no bit, and gradients that a ReLU stops are not computed. At these shares a product
//!   took 0.5 to 0.75 of the time of a dense one on an EPYC.
//! - **Threads send each other what they write.** Cores that don't share a cache took 33 ns a cache
//!   line for writing what another had read, which every weight is, and 2.5 ns for reading or writing
//!   what another had written; so each thread has a replica of the weights, and parts go through a
//!   copy that nobody computes with. Where two cores were on different dies, a step took a third
//!   longer without that.
//! - **Noise is a function, not a stream.** Philox turns seed, step, row and column into a draw
//!   ([`cpu::philox`]), so CPU and GPU train on the same noise, no draw depends on workgroup sizes,
//!   and a run can be taken up at any step.
//! - **The noise op is apart from the sample op.** The golden tests feed PyTorch's noise into the
//!   same graph in its place.
//! - **One buffer for the workspace, one for the parameters, one for the optimiser's state.** The
//!   update of all layers is one dispatch, for any number of layers, so it cannot bind each tensor.
//!   Where a later plan has parameters that an earlier one has not, all move to a new buffer.
//!   wgpu refuses a buffer that one dispatch binds read-only and writable, so kernels bind all real
//!   numbers writable.
//! - **Own logarithm, sine and cosine where WGSL's are too loose.** Vulkan allows `log` an absolute
//!   error of 2⁻²¹ around 1 and `sin` 2⁻¹¹; `shaders/common/log1p.wgsl` and `shaders/normal.wgsl`
//!   keep f32 accuracy on every driver, and under fast math.
//! - **Sums have a fixed order** and there are no float atomics: the same seed on the same adapter
//!   gives the same bits.
//! - **NaN passes through ReLU**, so that it reaches the loss and is noticed.
//! - **Weights are stored `[in, out]`**, so that the forward product reads both operands along
//!   rows; the model file has PyTorch's `[out, in]`.
//! - **A checkpoint is small because so little is state.** Noise, shuffles and starting weights follow
//!   from the seed, so what goes on from step n needs the weights, their mean squares and n; and files
//!   that grow are cut to the length that they had. Every file of a run but its lock goes through
//!   [`file::Files`], so that a test can simulate a crash after every file operation and
//!   check that the resumed run is bit-identical.
//! - **Weights are watched by a plan of their own.** Every 50 steps it counts the infinities and NaN among
//!   them, by their bits, into a log as the loss has one, so nothing waits for it: 16 dispatches to 450.
//! - **The self-check judges kernels, not steps.** Where a ReLU's argument is within rounding of 0, a
//!   step on the oracle goes on with another gradient, and both are right. So each kernel of the step is
//!   judged by what the oracle makes of the kernel's own operands.
//! - **Devices are polled.** A browser's event loop must not wait, so nothing in [`device::Device`]
//!   does: it takes as many steps as it can have in flight, and hands out results once they are there.
//!   Results are kept until they are asked for by ticket, so that training and the measurement within
//!   it share a device without passing each other's events on. Native callers wait through
//!   [`device::Blocking`], which has one more method of a device's own.
//! - **Memory is laid out before it is made.** Both devices can say to the byte what plans will hold
//!   ([`device::Device::check_memory`]), so what does not fit is refused in words.

pub mod checkpoint;
pub mod cli;
pub mod compare;
pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod eval;
pub mod file;
pub mod function;
pub mod graph;
pub mod kernel;
mod matrix;
pub mod model;
pub mod optimizer;
pub mod profile;
pub mod random;
pub mod report;
pub mod simd;
pub mod train;
mod vae;
pub mod verify;

pub use error::{Action, Error, Result};
pub use matrix::Matrix;
pub use vae::{Posterior, Predictive, Vae};
