//! The user's choice of a device.

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

/// A choice of a device, in the form that `--device` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A real GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU, in f32.
    Cpu,
    /// The best adapter, which may be a driver that runs on the CPU.
    Gpu,
    /// The adapter with this index in `wgvae devices`, else the first whose name or driver contains
    /// this text.
    Named(String),
}

impl Choice {
    /// Returns the choice that selects the device of a description.
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

/// Options for opening a device.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// GPU only: variants by call, instead of the fastest.
    pub kernels: Choices,
    /// GPU only: whether shaders keep all of wgpu's checks.
    pub checked: bool,
    /// GPU only: how kernels get their arguments; by default, by immediate data if the adapter has
    /// it.
    pub arguments: Option<Passing>,
    /// GPU only: the files that kernels are assembled from.
    pub sources: Sources,
    /// CPU only: the number of threads; by default, one per core.
    pub threads: Option<usize>,
    /// GPU only: once this is set, no more variants are tried, and loading a plan that requires
    /// trying some fails with [`Interrupted`](crate::Error::Interrupted).
    pub stop: Arc<AtomicBool>,
}

/// Opens a device. Kernels are chosen by measurement, except those in `options`. Without the feature
/// `gpu`, the CPU is the only device.
///
/// # Errors
/// [`NoDevice`](crate::Error::NoDevice) if nothing matches;
/// [`Unsupported`](crate::Error::Unsupported) if the adapter lacks a feature that every plan needs;
/// [`Setting`](crate::Error::Setting) if some shaders are replaced and the device is the CPU.
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
            found: "only the CPU, in a build without the feature `gpu`".to_owned(),
        }),
    }
}
