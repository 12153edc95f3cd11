//! Flags that several commands share, and their parsing.

use crate::device::Choices;
use crate::device::{self, Choice, Options, Session};
use crate::graph::Binarize;
use crate::kernel::{Call, Kernel, Passing, Sources, is_named};
use crate::model::{Activation, Architecture, Bound, LIKELIHOODS, Likelihood, Scale};
use crate::near::perhaps;
use crate::optimizer::{Optimizer, RULES, Rule};
use crate::train::{Config, ConfigFile};
use crate::{Action, Error, Result};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::num::{IntErrorKind, ParseIntError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tracing::{info, warn};

/// Headings of flags in `--help`.
pub(super) const DEVICE: &str = "Device";
pub(super) const DATA: &str = "Data";
pub(super) const MODEL: &str = "Model";
pub(super) const TRAINING: &str = "Training";
pub(super) const OBJECTIVE: &str = "Objective";
pub(super) const OPTIMISER: &str = "Optimiser";
pub(super) const RATE: &str = "Learning rate";
pub(super) const RUN: &str = "Run";
pub(super) const CHECKS: &str = "Checks";
pub(super) const FILES: &str = "Files to write";

/// Where to compute.
#[derive(Debug, clap::Args)]
pub(super) struct DeviceFlag {
    /// auto (a real GPU, else the CPU), cpu, gpu (the best adapter, a software driver included), or
    /// the index or part of the name of an adapter that `wgvae devices` lists
    /// [default: auto]
    #[arg(long, help_heading = DEVICE)]
    device: Option<String>,
}

impl DeviceFlag {
    pub(super) fn open(&self, kernels: &KernelsFlag) -> Result<Box<dyn Session>> {
        kernels.open(&self.choice().unwrap_or_default())
    }

    /// Returns the chosen device, if any.
    pub(super) fn choice(&self) -> Option<Choice> {
        self.device.as_ref().map(|device| {
            let Ok(choice) = device.parse();
            choice
        })
    }
}

/// What a training step is made of.
#[derive(Debug, clap::Args)]
pub(super) struct StepFlags {
    /// Layer sizes of the encoder; the last is the latent size, the decoder mirrors it [default:
    /// 200,100]
    #[arg(long, help_heading = MODEL, value_parser = layers)]
    hidden: Option<Layers>,
    /// Function between layers [default: relu]
    #[arg(long, help_heading = MODEL, value_name = "FUNCTION", value_parser = activations())]
    activation: Option<Activation>,
    /// Layer sizes of the decoder, from the latents on [default: those of --hidden in reverse]
    #[arg(long, help_heading = MODEL, value_parser = layers)]
    decoder: Option<Layers>,
    /// Function from the encoder's outputs to standard deviations [default: softplus]
    #[arg(long, help_heading = MODEL, value_name = "FUNCTION", value_parser = scales())]
    scale: Option<Scale>,
    /// Distribution of a pixel [default: bernoulli]
    #[arg(long, help_heading = MODEL, value_name = "DISTRIBUTION", value_parser = likelihoods())]
    likelihood: Option<&'static Likelihood>,
    /// gaussian: standard deviation of every pixel, instead of a learned one
    #[arg(long, help_heading = MODEL, value_name = "STDDEV", allow_negative_numbers = true)]
    pixel_stddev: Option<f64>,
    /// Bound that training maximises [default: elbo]
    #[arg(long, help_heading = OBJECTIVE, value_name = "BOUND", value_enum)]
    objective: Option<BoundFlag>,
    /// Draws of each image's latents per step [default: 1]
    #[arg(long, help_heading = OBJECTIVE, value_name = "K")]
    samples: Option<usize>,
    /// Nats of each latent unit's KL, as the mean over the batch, that do not count in the loss
    /// [default: 0]
    #[arg(long, help_heading = OBJECTIVE, value_name = "NATS", allow_negative_numbers = true)]
    free_bits: Option<f64>,
    /// Optimiser, with the default constants of its paper [default: rmsprop]
    #[arg(long, help_heading = OPTIMISER, value_name = "RULE", value_parser = optimizers())]
    optimizer: Option<Optimizer>,
    /// Largest norm of the gradient of an image's mean loss: a longer one is scaled down
    #[arg(long, help_heading = OPTIMISER, value_name = "NORM", allow_negative_numbers = true)]
    clip_norm: Option<f64>,
    /// Images per step [default: 64]
    #[arg(long, help_heading = TRAINING)]
    batch: Option<usize>,
    /// Run each op as a separate kernel, for debugging, bisecting or teaching
    #[arg(long, help_heading = TRAINING)]
    no_fuse: bool,
}

/// Returns a parser of the names of all activations.
fn activations() -> impl TypedValueParser<Value = Activation> {
    let names = Activation::all().map(|activation| activation.function().name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Activation>())
}

/// Returns a parser of the names of all functions to standard deviations.
pub(super) fn scales() -> impl TypedValueParser<Value = Scale> {
    PossibleValuesParser::new(Scale::ALL.map(Scale::name)).try_map(|name| name.parse::<Scale>())
}

/// Returns a parser of the names of all likelihoods.
fn likelihoods() -> impl TypedValueParser<Value = &'static Likelihood> {
    let names = LIKELIHOODS.iter().map(|likelihood| likelihood.name);
    PossibleValuesParser::new(names).try_map(|name| Likelihood::named(&name))
}

/// Returns a parser of the names of all optimisers.
fn optimizers() -> impl TypedValueParser<Value = Optimizer> {
    let of_name = |name: String| Rule::named(&name).map(Optimizer::of).ok_or("no such rule");
    PossibleValuesParser::new(RULES.iter().map(|rule| rule.name)).try_map(of_name)
}

/// Layer sizes, in the form of `--hidden`.
#[derive(Clone, Debug)]
struct Layers(Vec<usize>);

fn layers(text: &str) -> std::result::Result<Layers, String> {
    let size = |part: &str| {
        part.parse().map_err(|reason: ParseIntError| {
            let expected = match reason.kind() {
                IntErrorKind::PosOverflow => "smaller numbers",
                _ => "whole numbers with commas between them",
            };
            format!("expected {expected}, found '{part}'")
        })
    };
    parts(text).map(size).collect::<std::result::Result<_, _>>().map(Layers)
}

/// Returns the parts of a comma-separated list, without the blanks around each.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// End of the expectation in the error for a setting that contradicts the model of `--from`.
pub(super) const OF_SOURCE: &str = ", as in the model of --from";

impl StepFlags {
    /// Returns the function to standard deviations, if the flag is given.
    pub(super) fn scale(&self) -> Option<Scale> {
        self.scale
    }

    /// Refuses settings that contradict the layers of a model: those of these flags, and those of a file
    /// that are not the defaults.
    pub(super) fn check_source(&self, config: &Config, model: &Architecture) -> Result<()> {
        let (default, of_model) = (Config::default(), Config::default().with_architecture(model));
        let decoder = |config: &Config| config.decoder.clone().unwrap_or_default();
        let stddev =
            |config: &Config| config.pixel_stddev.map_or("none".to_owned(), |own| own.to_string());
        let facts: [(_, bool, String, String); 7] = [
            (
                "hidden",
                self.hidden.is_some() || config.hidden != default.hidden,
                format!("{:?}", of_model.hidden),
                format!("{:?}", config.hidden),
            ),
            (
                "decoder",
                config.decoder.is_some(),
                format!("{:?}", model.decoder_hidden()),
                format!("{:?}", decoder(config)),
            ),
            (
                "activation",
                self.activation.is_some() || config.activation != default.activation,
                of_model.activation.to_string(),
                config.activation.to_string(),
            ),
            (
                "scale",
                self.scale.is_some() || config.scale != default.scale,
                of_model.scale.to_string(),
                config.scale.to_string(),
            ),
            (
                "likelihood",
                self.likelihood.is_some() || config.likelihood != default.likelihood,
                of_model.likelihood.name.to_owned(),
                config.likelihood.name.to_owned(),
            ),
            ("pixel_stddev", config.pixel_stddev.is_some(), stddev(&of_model), stddev(config)),
            (
                "conditional",
                config.conditional,
                of_model.conditional.to_string(),
                config.conditional.to_string(),
            ),
        ];
        let wrong = facts.into_iter().find(|(_, is_set, of_model, own)| *is_set && of_model != own);
        wrong.map_or(Ok(()), |(setting, _, of_model, found)| {
            Err(Error::Setting { setting, expected: of_model + OF_SOURCE, found })
        })
    }

    /// Returns the settings with the values of these flags.
    pub(super) fn over(&self, config: Config) -> Config {
        Config {
            hidden: self.hidden.clone().map_or(config.hidden, |Layers(sizes)| sizes),
            activation: self.activation.unwrap_or(config.activation),
            decoder: match (&self.decoder, &self.hidden) {
                (Some(Layers(sizes)), _) => Some(sizes.clone()),
                (None, Some(_)) => None,
                (None, None) => config.decoder,
            },
            scale: self.scale.unwrap_or(config.scale),
            likelihood: self.likelihood.unwrap_or(config.likelihood),
            pixel_stddev: match self.likelihood {
                Some(_) => self.pixel_stddev,
                None => self.pixel_stddev.or(config.pixel_stddev),
            },
            objective: self.objective.map_or(config.objective, Into::into),
            samples: self.samples.unwrap_or(config.samples),
            free_bits: self.free_bits.unwrap_or(config.free_bits),
            clip_norm: self.clip_norm.or(config.clip_norm),
            optimizer: self.optimizer.unwrap_or(config.optimizer),
            batch: self.batch.unwrap_or(config.batch),
            fuse: config.fuse && !self.no_fuse,
            ..config
        }
    }
}

/// Which kernels to use, and on how much of the device.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct KernelsFlag {
    /// Use the kernel variants in the table [kernels] of this file (a run's config.toml has one),
    /// instead of the fastest
    #[arg(long, value_name = "FILE", help_heading = DEVICE)]
    kernels: Option<PathBuf>,
    /// Let wgpu bound every loop of a shader, as it does for untrusted shaders
    #[arg(long, help_heading = DEVICE)]
    checked: bool,
    /// How kernels get their arguments [default: immediate, if the adapter supports it]
    #[arg(long, value_name = "HOW", help_heading = DEVICE, hide_short_help = true)]
    arguments: Option<ArgumentsFlag>,
    /// Threads of the CPU device; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N", help_heading = DEVICE, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    shaders: ShadersFlag,
}

/// Which shaders the kernels are put together from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ShadersFlag {
    /// Read shaders from a folder, on a GPU: DIR/update.wgsl, DIR/common/turn.wgsl or
    /// DIR/functions/relu.wgsl replaces the built-in file; other files stay built-in. `wgvae shader
    /// --sources --output DIR` writes all files. Loops in these shaders are bounded as with
    /// --checked, so compare times with --checked
    #[arg(long = "shaders", value_name = "DIR", help_heading = DEVICE, hide_short_help = true)]
    folder: Option<PathBuf>,
}

impl ShadersFlag {
    /// Reads the files of the folder, in addition to the built-in ones.
    pub(super) fn read(&self) -> Result<Sources> {
        let Some(folder) = &self.folder else { return Ok(Sources::default()) };
        let sources = Sources::read(folder)?;
        let names: Vec<_> = sources.replaced().map(|(name, _)| name).collect();
        if names.is_empty() {
            warn!("{}: no shader differs from the built-in one", folder.display());
        } else {
            info!("shaders of {}: {}", folder.display(), names.join(", "));
        }
        Ok(sources)
    }
}

/// Expectation in the error for an unknown kernel.
pub(super) const A_KERNEL: &str = "the name of a kernel";

/// Which kernels to look at.
#[derive(Debug, Default, clap::Args)]
pub(super) struct OnlyFlag {
    /// Only this kernel, named as in the table or as its file; may be given several times
    #[arg(long = "kernel", value_name = "NAME")]
    names: Vec<String>,
}

impl OnlyFlag {
    /// Returns the names; none selects every kernel.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a kernel is selected.
    pub(super) fn has(&self, call: &Call) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| is_named(call, name))
    }

    /// Refuses a name that none of these calls has; `expected` describes the names in the error.
    pub(super) fn check(&self, calls: &[Call], expected: &str) -> Result<()> {
        let unknown = |name: &&String| !calls.iter().any(|call| is_named(call, name));
        match self.names.iter().find(unknown) {
            Some(name) => {
                let labels = calls.iter().map(Call::label);
                let rows = calls.iter().map(|call| Kernel::of(call).name.to_owned());
                let known: Vec<_> = labels.chain(rows).collect();
                let known = known.iter().map(String::as_str);
                Err(unknown_kernel("kernel", name, known, expected))
            }
            None => Ok(()),
        }
    }
}

/// Returns the error that no kernel has this name.
pub(super) fn unknown_kernel<'a>(
    setting: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
    expected: &str,
) -> Error {
    let meant = perhaps(name, known).map_or(String::new(), |meant| format!(", {meant}"));
    Error::Setting { setting, expected: expected.to_owned(), found: format!("\"{name}\"{meant}") }
}

impl KernelsFlag {
    /// Returns the same flags without a folder of shaders, for a second device that does not use
    /// them.
    pub(super) fn without_shaders(&self) -> Self {
        Self { shaders: ShadersFlag::default(), ..self.clone() }
    }

    pub(super) fn open(&self, choice: &Choice) -> Result<Box<dyn Session>> {
        self.open_or(choice, Choices::new())
    }

    /// Opens a device; `kernels` are used if no file is given.
    pub(super) fn open_or(&self, choice: &Choice, kernels: Choices) -> Result<Box<dyn Session>> {
        self.open_until(choice, kernels, Arc::default())
    }

    /// Like [`open_or`](Self::open_or), but tries no more kernels once `stop` is set.
    pub(super) fn open_until(
        &self,
        choice: &Choice,
        kernels: Choices,
        stop: Arc<AtomicBool>,
    ) -> Result<Box<dyn Session>> {
        let kernels = match &self.kernels {
            Some(path) => ConfigFile::read(path)?.kernels,
            None => kernels,
        };
        let threads = self.threads.map(usize::from);
        let arguments = self.arguments.map(Passing::from);
        let sources = self.shaders.read()?;
        let checked = self.checked;
        device::open(choice, Options { kernels, checked, arguments, sources, threads, stop })
    }
}

/// Checks that the folder of a setting, if it exists, is a folder.
pub(super) fn check_folder(setting: &'static str, path: &Path) -> Result<()> {
    if path.is_dir() || !path.exists() {
        return Ok(());
    }
    let found = format!("{}, a file", path.display());
    Err(Error::Setting { setting, expected: "a folder".to_owned(), found })
}

/// `--arguments`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArgumentsFlag {
    /// In immediate data
    Immediate,
    /// In a uniform buffer, as in browsers
    Uniform,
}

impl From<ArgumentsFlag> for Passing {
    fn from(flag: ArgumentsFlag) -> Self {
        match flag {
            ArgumentsFlag::Immediate => Self::Immediate,
            ArgumentsFlag::Uniform => Self::Uniform,
        }
    }
}

/// `--objective`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum BoundFlag {
    /// The evidence lower bound
    Elbo,
    /// The importance-weighted bound by --samples draws
    Iwae,
    /// The same, with the doubly reparameterised gradient
    Dreg,
}

impl From<BoundFlag> for Bound {
    fn from(flag: BoundFlag) -> Self {
        match flag {
            BoundFlag::Elbo => Self::Elbo,
            BoundFlag::Iwae => Self::Iwae,
            BoundFlag::Dreg => Self::Dreg,
        }
    }
}

/// `--binarize`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum BinarizeFlag {
    /// 1 where the pixel is above 127
    Threshold,
    /// 1 with probability pixel / 255, drawn again every epoch
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

/// Prints a line to standard output, with its styles if that is a terminal that supports them. A
/// closed pipe, as after `head`, is no failure: the program continues without output.
///
/// # Errors
/// [`Error::Io`] if standard output cannot be written for another reason.
pub(super) fn say(line: impl Display) -> Result<()> {
    wrote(anstream::stdout().write_all(format!("{line}\n").as_bytes()))
}

/// Prints bytes unchanged.
///
/// # Errors
/// The errors of [`say`].
pub(super) fn written(bytes: &[u8]) -> Result<()> {
    wrote(std::io::stdout().write_all(bytes))
}

fn wrote(done: std::io::Result<()>) -> Result<()> {
    match done {
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
    written(format!("{text}\n").as_bytes())
}
