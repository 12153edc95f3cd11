//! Flags that several commands have, and how they are read.

use crate::device::gpu::Choices;
use crate::device::{self, Choice, Options, Session};
use crate::graph::Binarize;
use crate::kernel::CORES;
use crate::train::Config;
use crate::{Action, Error, Result};
use clap::ValueEnum;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where to compute.
#[derive(Debug, clap::Args)]
pub(super) struct DeviceFlag {
    /// auto (a real GPU, else the CPU), cpu, gpu (the best adapter, a software driver included), or
    /// the index or part of the name of an adapter that `wgvae devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
}

impl DeviceFlag {
    pub(super) fn open(&self, kernels: &KernelsFlag) -> Result<Box<dyn Session>> {
        let Ok(choice) = self.device.parse::<Choice>();
        device::open(&choice, Options { kernels: kernels.read()?, checked: kernels.checked })
    }

    /// Whether the choice was left to the program.
    pub(super) fn is_auto(&self) -> bool {
        matches!(self.device.parse(), Ok(Choice::Auto))
    }
}

/// What a training step is made of.
#[derive(Debug, clap::Args)]
pub(super) struct StepFlags {
    /// Layer sizes of the encoder; the last is the latent size, the decoder mirrors it
    #[arg(long, value_delimiter = ',', default_values_t = Config::default().hidden)]
    pub(super) hidden: Vec<usize>,
    /// Images of one step
    #[arg(long, default_value_t = Config::default().batch)]
    pub(super) batch: usize,
    /// Run each op as a kernel of its own, to debug, bisect or teach
    #[arg(long)]
    pub(super) no_fuse: bool,
}

/// Which kernels to use.
#[derive(Debug, Default, clap::Args)]
pub(super) struct KernelsFlag {
    /// Use the variants of this file's [kernels], as a run's config.toml has them, instead of the
    /// fastest
    #[arg(long, value_name = "FILE")]
    kernels: Option<PathBuf>,
    /// Let wgpu bound every loop of a shader, as it does for shaders that it does not know
    #[arg(long)]
    checked: bool,
}

impl KernelsFlag {
    fn read(&self) -> Result<Choices> {
        let Some(path) = &self.kernels else { return Ok(Choices::new()) };
        let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
        let wrong = |found: String| Error::File {
            path: path.clone(),
            expected: "a table [kernels] of variants by call".to_owned(),
            found,
        };
        let File { kernels } = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let known = |name: &&String| CORES.iter().any(|core| core.name == name.as_str());
        match kernels.values().find(|name| !known(name)) {
            Some(unknown) => {
                let known = CORES.iter().map(|core| core.name).collect::<Vec<_>>().join(", ");
                Err(wrong(format!("variant {unknown}, which is none of {known}")))
            }
            None => Ok(kernels),
        }
    }
}

/// What of a file [`KernelsFlag`] reads.
#[derive(serde::Deserialize)]
struct File {
    kernels: Choices,
}

/// Tells what a device has to say.
pub(super) fn report_notes(session: &mut dyn Session) {
    session.take_notes().iter().for_each(|note| eprintln!("warning: {note}"));
}

/// `--binarize`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum BinarizeFlag {
    /// 1 where the pixel is above 127
    Threshold,
    /// 1 with probability pixel / 255, drawn anew every epoch
    Stochastic,
    /// pixel / 255
    None,
}

impl From<BinarizeFlag> for Binarize {
    fn from(flag: BinarizeFlag) -> Self {
        match flag {
            BinarizeFlag::Threshold => Self::Threshold,
            BinarizeFlag::Stochastic => Self::Stochastic,
            BinarizeFlag::None => Self::None,
        }
    }
}

/// Prints a line to standard output. A reader who has gone away, as `head` does, is no failure: the
/// work goes on unseen.
///
/// # Errors
/// [`Error::Io`] if standard output cannot be written otherwise.
pub(super) fn say(line: impl Display) -> Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io(Path::new("standard output"), Action::Write)(error))
        }
        _ => Ok(()),
    }
}

/// Prints a serialisable value as JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Io {
        path: "standard output".into(),
        action: Action::Write,
        source: error.into(),
    })?;
    say(text)
}
