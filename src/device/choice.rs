//! Which device a user means.

use super::cpu::CpuSession;
#[cfg(feature = "gpu")]
use super::gpu::{Adapters, GpuSession, Tuner};
use super::{Description, Session};
use crate::kernel::{Passing, Sources};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A wish for a device, as `--device` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A real GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU, in f32.
    Cpu,
    /// The best adapter, which may be a driver that runs on the CPU.
    Gpu,
    /// The adapter of this index in `wgvae devices`, else the first whose name or driver has this
    /// part.
    Named(String),
}

impl Choice {
    /// The device of a description.
    pub fn of(description: &Description) -> Self {
        match &*description.backend {
            "CPU" => Self::Cpu,
            _ => Self::Named(description.name.clone()),
        }
    }
}

impl FromStr for Choice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text.to_lowercase().as_str() {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu,
            _ => Self::Named(text.to_owned()),
        })
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu => f.write_str("gpu"),
            Self::Named(name) => name.fmt(f),
        }
    }
}

/// Variants of kernels by call, as a [`Call`](crate::kernel::Call) is printed.
pub type Choices = BTreeMap<String, String>;

/// How a device is to be used.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Of a GPU: variants by call, instead of the fastest.
    pub kernels: Choices,
    /// Of a GPU: whether shaders keep every check of wgpu's.
    pub checked: bool,
    /// Of a GPU: how kernels get their arguments, instead of by immediate data where it has that.
    pub arguments: Option<Passing>,
    /// Of a GPU: the files that its kernels are put together from.
    pub sources: Sources,
    /// Of the CPU: threads, instead of one a core.
    pub threads: Option<usize>,
    /// Of a GPU: once it is set, no more variants are tried, and loading a plan for which some would
    /// have to be fails with [`Interrupted`](crate::Error::Interrupted).
    pub stop: Arc<AtomicBool>,
}

/// Opens a device. Kernels are chosen by measurement, except those in `options`. Without the feature
/// `gpu`, the CPU is the only device.
///
/// # Errors
/// [`NoDevice`](crate::Error::NoDevice) if nothing matches; [`Unsupported`](crate::Error::Unsupported)
/// if the adapter lacks a feature that every plan needs; [`Setting`](crate::Error::Setting) if some
/// shaders are replaced, and the device is the CPU.
pub fn open(choice: &Choice, options: Options) -> Result<Box<dyn Session>> {
    match choice {
        Choice::Cpu => open_cpu(&options),
        _ => open_gpu(choice, options),
    }
}

fn open_cpu(options: &Options) -> Result<Box<dyn Session>> {
    if options.sources.is_built_in() {
        return Ok(Box::new(CpuSession::<f32>::with_threads(options.threads)));
    }
    Err(Error::Setting {
        setting: "shaders",
        expected: "a GPU, whose kernels are shaders".to_owned(),
        found: "the CPU".to_owned(),
    })
}

#[cfg(feature = "gpu")]
fn open_gpu(choice: &Choice, options: Options) -> Result<Box<dyn Session>> {
    let adapters = Adapters::enumerate();
    let index = match choice {
        Choice::Auto => match adapters.best(false)? {
            Some(index) => Some(index),
            None => return open_cpu(&options),
        },
        Choice::Gpu => adapters.best(true)?,
        Choice::Named(name) => adapters.named(name),
        Choice::Cpu => None,
    };
    match index {
        Some(index) => {
            let gpu = adapters.open(index)?.checked(options.checked).reading(options.sources);
            let gpu = gpu.remembering(None);
            let passing = options.arguments.unwrap_or_else(|| gpu.passing());
            let gpu = gpu.passing_by(passing)?;
            let tuner = Tuner::new(&gpu, None, options.kernels).until(options.stop);
            Ok(Box::new(GpuSession::tuned(gpu, tuner)))
        }
        None => Err(adapters.none_matches(&choice.to_string())),
    }
}

#[cfg(not(feature = "gpu"))]
fn open_gpu(choice: &Choice, options: Options) -> Result<Box<dyn Session>> {
    match choice {
        Choice::Auto => open_cpu(&options),
        _ => Err(Error::NoDevice {
            wanted: choice.to_string(),
            found: "the CPU alone, in a build without the feature `gpu`".to_owned(),
        }),
    }
}
