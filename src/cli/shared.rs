//! Flags that several commands have, and how they are read.

use crate::device::{self, Choice, Session};
use crate::graph::Binarize;
use crate::{Action, Error, Result};
use clap::ValueEnum;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Where to compute.
#[derive(Debug, clap::Args)]
pub(super) struct DeviceFlag {
    /// auto (a real GPU, else the CPU), cpu, gpu (the best adapter, a software driver included), or
    /// the index or part of the name of an adapter that `wgvae devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
}

impl DeviceFlag {
    pub(super) fn open(&self) -> Result<Box<dyn Session>> {
        let Ok(choice) = self.device.parse::<Choice>();
        device::open(&choice)
    }

    /// Whether the choice was left to the program.
    pub(super) fn is_auto(&self) -> bool {
        matches!(self.device.parse(), Ok(Choice::Auto))
    }
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
