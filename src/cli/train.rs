//! `wgvae train`.

use super::optimisation::{self, OptimisationFlags};
use super::progress::Progress;
use super::reading::{self, ReadingFlags};
use super::run::read_run;
use super::shared::{
    BinarizeFlag, CHECKS, DATA, DeviceFlag, KernelsFlag, MODEL, RATE, RUN, StepFlags, TRAINING,
    check_folder, say,
};
use super::signals::Signals;
use super::{Outcome, is_mistake};
use crate::checkpoint::{self, Checkpoint};
use crate::data::{Known, Size, Split, Validation};
use crate::device::Choices;
use crate::device::{Choice, Description, Session};
use crate::file::System;
use crate::model::{Architecture, Init};
use crate::near::perhaps;
use crate::train::{Change, Config, ConfigFile, Ended, Every, OutputBias, Recipe, Run, RunFolder};
use crate::{Action, Error, Result};
use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tracing::{info, warn};

/// Settings that a resumed run cannot change.
const FIXED: [&str; 32] = [
    "config",
    "recipe",
    "size",
    "label_column",
    "header",
    "white",
    "invert",
    "background",
    "array",
    "test_fraction",
    "validation",
    "binarize",
    "limit",
    "hidden",
    "decoder",
    "activation",
    "scale",
    "init",
    "output_bias",
    "likelihood",
    "pixel_stddev",
    "conditional",
    "from",
    "objective",
    "samples",
    "free_bits",
    "optimizer",
    "clip_norm",
    "batch",
    "no_fuse",
    "seed",
    "run",
];

/// Train a model; without flags, the tutorial's model on MNIST for 30 epochs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
                        wgvae train --device gpu --epochs 3 --hidden 500,20 --run runs/first\n  \
                        wgvae train --resume runs/first --epochs 5")]
pub(super) struct Arguments {
    /// mnist, static-mnist, fashion-mnist; a folder of IDX files (if it has several sets, FOLDER/PREFIX selects one by the
    /// prefix of its file names), or of pictures, with a subfolder for each label if there are
    /// labels; a table (.csv, .tsv, .txt, .amat), one line per image; a .npy or .npz file. Files
    /// may be gzipped, or alone in a .zip file; - is standard input [default: mnist]
    #[arg(long, help_heading = DATA, value_parser = NonEmptyStringValueParser::new())]
    data: Option<String>,
    /// Rows and columns of an image, if the data do not say; pictures are resized to this size
    #[arg(long, help_heading = DATA, value_name = "ROWSxCOLUMNS")]
    size: Option<Size>,
    /// Test images, in any form that --data takes [default: the data's own test set]
    #[arg(long, help_heading = DATA, value_name = "DATA", conflicts_with = "test_fraction", value_parser = NonEmptyStringValueParser::new())]
    test_data: Option<String>,
    /// Share of the images to hold out for testing [default: 0.1, if there is no test set]
    #[arg(long, help_heading = DATA, value_name = "SHARE", allow_negative_numbers = true)]
    test_fraction: Option<f64>,
    /// Number of training images to hold off at random, or own for the data's own validation set: the
    /// ELBO of each epoch, the best model and --patience are then by these images, and the test images
    /// remain for `wgvae eval`
    #[arg(long, help_heading = DATA, value_name = "N")]
    validation: Option<Validation>,
    /// How to binarise grey pixels [default: threshold]
    #[arg(long, help_heading = DATA, value_enum)]
    binarize: Option<BinarizeFlag>,
    /// Only the first N training images
    #[arg(long, help_heading = DATA, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    reading: ReadingFlags,
    #[command(flatten)]
    step: StepFlags,
    #[command(flatten)]
    optimisation: OptimisationFlags,
    /// Passes over the training images [default: 30]
    #[arg(long, help_heading = TRAINING)]
    epochs: Option<u32>,
    /// Stop after N epochs without a better ELBO of the validation or test images, once the weight of
    /// the KL divergence has risen
    #[arg(long, help_heading = TRAINING, value_name = "N")]
    patience: Option<u32>,
    /// The optimiser's step size [default: 0.001]
    #[arg(long, help_heading = RATE, allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Distribution of the starting weights [default: tutorial]
    #[arg(long, help_heading = TRAINING, value_enum)]
    init: Option<InitFlag>,
    /// Start of the decoder's last bias [default: zero]
    #[arg(long, help_heading = MODEL, value_name = "START", value_enum)]
    output_bias: Option<OutputBiasFlag>,
    /// Give encoder and decoder the label of each image: a model that generates images of a chosen
    /// label
    #[arg(long, help_heading = MODEL)]
    conditional: bool,
    /// Start with the layers and the weights of a model, given by a run's folder or a model's file,
    /// and a new state of the optimiser
    #[arg(long, help_heading = RUN, value_name = "MODEL", conflicts_with_all = ["init", "output_bias"])]
    from: Option<PathBuf>,
    /// Seed of the initial weights, the shuffling and the noise [default: 0]
    #[arg(long, help_heading = TRAINING)]
    seed: Option<u64>,
    /// The run's folder [default: runs/<date>-<time>]
    #[arg(long, help_heading = RUN, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Resume a run from its last checkpoint, in its folder and with its settings; a finished run
    /// resumes with more --epochs, and --learning-rate may change
    #[arg(long, help_heading = RUN, value_name = "RUN", conflicts_with_all = FIXED.into_iter().chain(optimisation::FIXED))]
    resume: Option<PathBuf>,
    /// File of settings, such as a run's config.toml or the output of `--print-config`; flags win
    #[arg(long, help_heading = RUN, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Settings of a published result, by its name in `wgvae recipes`; flags win
    #[arg(long, help_heading = RUN, value_name = "NAME", conflicts_with = "config")]
    recipe: Option<String>,
    /// Print the settings that result from the flags and the file, without training
    #[arg(long, help_heading = RUN)]
    print_config: bool,
    /// Save a checkpoint every N steps (500) or N seconds (60s), in addition to one every epoch
    #[arg(long, help_heading = RUN, value_name = "N")]
    checkpoint_every: Option<Every>,
    /// If the device fails, reopen it and resume from the last checkpoint, at most N times
    #[arg(long, help_heading = RUN, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Write no event files for TensorBoard
    #[arg(long, help_heading = RUN)]
    no_tensorboard: bool,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    /// Repeat every Nth step on the CPU in f64, and stop if a kernel's results differ by more than
    /// its tolerance; training results do not depend on it
    #[arg(long, help_heading = CHECKS, value_name = "N")]
    self_check: Option<u32>,
    /// Time the kernels of every Nth step, and write the times to metrics.jsonl and TensorBoard
    #[arg(long, help_heading = CHECKS, value_name = "N")]
    profile_every: Option<u32>,
}

impl Arguments {
    /// Returns the settings of the file with the values of the flags.
    fn over(&self, config: Config) -> Result<Config> {
        let names_test_set = self.test_data.is_some() || self.test_fraction.is_some();
        let (test_data, test_fraction) = if names_test_set {
            (self.test_data.clone(), self.test_fraction)
        } else {
            (config.test_data.clone(), config.test_fraction)
        };
        let from = self.from.as_ref().map(|model| absolute(&model.display().to_string()));
        self.optimisation.over(self.step.over(Config {
            data: self.data.clone().unwrap_or(config.data),
            size: self.size.or(config.size),
            test_data,
            test_fraction,
            validation: self.validation.or(config.validation),
            patience: self.patience.or(config.patience),
            binarize: self.binarize.map_or(config.binarize, Into::into),
            limit: self.limit.or(config.limit),
            init: self.init.map_or(config.init, Into::into),
            output_bias: self.output_bias.map_or(config.output_bias, Into::into),
            conditional: config.conditional || self.conditional,
            from: from.or(config.from),
            epochs: self.epochs.unwrap_or(config.epochs),
            seed: self.seed.unwrap_or(config.seed),
            tensorboard: config.tensorboard && !self.no_tensorboard,
            profile_every: self.profile_every.or(config.profile_every),
            checkpoint_every: self.checkpoint_every.or(config.checkpoint_every),
            self_check: self.self_check.or(config.self_check),
            reading: self.reading.over(config.reading),
            ..config
        }))
    }

    /// Returns the initial settings: those of the resumed run, of the file, or the defaults.
    fn file(&self) -> Result<ConfigFile> {
        let resumed = self.resume.as_ref().map(|run| run.join("config.toml"));
        let path = resumed.as_deref().or(self.config.as_deref());
        let file = match (&self.recipe, path) {
            (Some(name), _) => recipe(name)?,
            (None, Some(path)) => ConfigFile::read(path)?,
            (None, None) => ConfigFile::default(),
        };
        if self.resume.is_some() {
            return Ok(file.latest());
        }
        for Change { step, device, .. } in &file.config.changes {
            if let Some(device) = device {
                warn!("after step {step} the run was on {device}: this change is not repeated");
            }
        }
        Ok(file)
    }

    /// Returns the settings of a new run with the layers of the model that it starts from, and the
    /// pixels of that model's images. Without such a model, labels are those of the run's own images.
    fn with_source(&self, config: Config) -> Result<(Config, Option<usize>)> {
        if self.resume.is_some() {
            return Ok((config, None));
        }
        let Some(from) = &config.from else {
            return Ok((Config { labels: Vec::new(), ..config }, None));
        };
        // A file of settings has the function that the model's file may not name.
        let scale = self.step.scale().or(Some(config.scale).filter(|_| self.from.is_none()));
        let (weights, _) = read_run(Path::new(from), scale)?;
        self.step.check_source(&config, &weights.architecture)?;
        let input = weights.architecture.input();
        Ok((config.with_architecture(&weights.architecture), Some(input)))
    }

    /// Applies the learning rate flag from the first step on, or from the checkpoint on.
    fn change(&self, config: &mut Config) -> Result<()> {
        if self.resume.is_none() {
            config.forget_devices();
        }
        if let Some(rate) = self.learning_rate {
            config.set_learning_rate(self.resume.as_deref().map_or(Ok(0), step_of)?, rate);
        }
        Ok(())
    }

    /// Returns the folder of the run, and the folders that were created: without a name, a new
    /// folder is created at once, so that no other run takes the same name.
    fn folder(&self) -> Result<(PathBuf, Vec<PathBuf>)> {
        if let Some(named) = self.resume.as_ref().or(self.run.as_ref()) {
            return Ok((named.clone(), Vec::new()));
        }
        let mut made = Vec::new();
        let runs = Path::new("runs");
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let mut number = 1;
        loop {
            let name = if number == 1 { now.clone() } else { format!("{now}-{number}") };
            let folder = runs.join(name);
            match fs::create_dir(&folder).map_err(|error| (error.kind(), error)) {
                Ok(()) => {
                    made.insert(0, folder.clone());
                    return Ok((folder, made));
                }
                Err((ErrorKind::AlreadyExists, _)) => number += 1,
                Err((ErrorKind::NotFound, _)) => {
                    fs::create_dir_all(runs).map_err(Error::io(runs, Action::Write))?;
                    made = vec![runs.to_owned()];
                }
                Err((_, error)) => return Err(Error::io(&folder, Action::Write)(error)),
            }
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let signals = Signals::listen()?;
    let file = arguments.file()?;
    let choice = arguments.device.choice().or(file.device).unwrap_or_default();
    let mut config = arguments.over(file.config)?;
    arguments.change(&mut config)?;
    config.check()?;
    let (mut config, source_input) = arguments.with_source(config)?;
    if arguments.print_config {
        print_config(&config, &choice, &file.kernels)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folder) = &arguments.run {
        check_folder("run", folder)?;
        RunFolder::check_new(folder)?;
    }
    // Checked before pictures are resized to it.
    if let Some(size) = config.size {
        size.check()?;
        config.architecture(size.pixels())?;
    }
    let (mut data, account) = config.split()?;
    let mut coverage = reading::check(&config.data, &account, &data.train, config.binarize)?;
    config.reading = account.reading.clone();
    // Commands on the run may be called from other folders.
    config.data = absolute(&config.data);
    config.test_data = config.test_data.as_deref().map(absolute);
    // The size is stored for pictures that are drawn later, when the data may be gone.
    config.size = Some(data.train.size);
    if config.likelihood.is_binary && coverage.is_grey {
        warn!(
            "{} describes pixels that are 0 or 1, and these are grey: --likelihood \
             continuous-bernoulli or gaussian, or --binarize stochastic",
            config.likelihood.name
        );
    }
    if let Some(limit) = config.limit {
        data.train.truncate(limit);
        coverage = data.train.coverage(config.binarize);
    }
    config.check_batch(data.train.len())?;
    if let Some(input) = source_input.filter(|&input| input != data.train.width()) {
        return Err(Error::Setting {
            setting: "from",
            expected: format!(
                "a model of images of {} pixels, as those of {}",
                data.train.size, config.data
            ),
            found: format!("one of {input} pixels"),
        });
    }
    config = config.labelled(&data)?;
    let architecture = config.architecture(data.train.width())?;
    let (folder, made) = arguments.folder()?;
    let training = Run {
        config: &config,
        data: &data,
        folder: &folder,
        files: Arc::new(System),
        is_interrupted: &|| signals.received().is_some(),
        is_save_due: &|| signals.take_save(),
    };
    let progress = Progress::new(&config, &data);
    let mut opened: Option<Description> = None;
    let open = || {
        // Opens the device that failed again, with the same kernels.
        let settings = folder.join("config.toml");
        let kernels = if opened.is_some() && settings.exists() {
            ConfigFile::read(&settings)?.kernels
        } else {
            file.kernels.clone()
        };
        let is_vague = matches!(choice, Choice::Auto | Choice::Gpu);
        let again = opened.as_ref().filter(|_| is_vague).map(Choice::of);
        let wanted = again.as_ref().unwrap_or(&choice);
        let session = arguments.kernels.open_until(wanted, kernels, signals.stop_flag())?;
        if opened.is_none() {
            announce(&choice, session.as_ref(), &architecture, &data);
            reading::tell(&config.data, &account, &data.train, coverage, config.binarize);
            if arguments.resume.is_some() {
                warn_of_other_bits(file.described.as_ref(), session.description());
            }
        }
        opened = Some(session.description().clone());
        Ok(session)
    };
    let is_begun = arguments.resume.is_some();
    let ended = training.persist(is_begun, arguments.retries, open, |report| progress.tell(report));
    progress.finish();
    let resume = format!("`wgvae train --resume {}` resumes", folder.display());
    match ended {
        Ok(Ended::Finished) => {
            say(folder.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(Ended::Interrupted(step)) => {
            info!("interrupted after step {step}, with a checkpoint: {resume} the run");
            Ok(signals.exit_code())
        }
        Err(Error::Interrupted) => {
            remove(&made);
            info!("interrupted while kernels were tried: finished measurements are kept");
            Ok(signals.exit_code())
        }
        Err(error) => {
            remove(&made);
            if !is_mistake(&error) && folder.join(checkpoint::FILE_NAME).exists() {
                info!("the last checkpoint is complete: {resume} from it");
            }
            Err(error)
        }
    }
}

/// Returns the settings of a recipe.
fn recipe(name: &str) -> Result<ConfigFile> {
    let all = Recipe::all()?;
    match all.iter().find(|recipe| recipe.name == name) {
        Some(recipe) => Ok(ConfigFile { config: recipe.config.clone(), ..ConfigFile::default() }),
        None => {
            let names: Vec<_> = all.iter().map(|recipe| recipe.name.as_str()).collect();
            let meant = perhaps(name, names.iter().copied());
            Err(Error::Setting {
                setting: "recipe",
                expected: format!("one of {}", names.join(", ")),
                found: format!(
                    "{name}{}",
                    meant.map_or(String::new(), |meant| format!(", {meant}"))
                ),
            })
        }
    }
}

/// `--init`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum InitFlag {
    /// Normal, of standard deviation 2/√inputs
    Tutorial,
    /// Normal, of standard deviation √(2/inputs)
    He,
    /// Uniform, up to √(6/(inputs + outputs))
    Glorot,
}

impl From<InitFlag> for Init {
    fn from(flag: InitFlag) -> Self {
        match flag {
            InitFlag::Tutorial => Self::Tutorial,
            InitFlag::He => Self::He,
            InitFlag::Glorot => Self::Glorot,
        }
    }
}

/// `--output-bias`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputBiasFlag {
    /// 0
    Zero,
    /// The logits of the mean training image, kept 0.001 from 0 and 1
    Data,
}

impl From<OutputBiasFlag> for OutputBias {
    fn from(flag: OutputBiasFlag) -> Self {
        match flag {
            OutputBiasFlag::Zero => Self::Zero,
            OutputBiasFlag::Data => Self::Data,
        }
    }
}

/// Number of steps in a run's checkpoint; 0 if the run has none yet.
fn step_of(run: &Path) -> Result<u32> {
    let path = run.join(checkpoint::FILE_NAME);
    if !path.exists() {
        return Ok(0);
    }
    Ok(Checkpoint::load(&path)?.state.position.step)
}

/// Returns the path of data independent of the working folder.
fn absolute(data: &str) -> String {
    if data == "-" || Known::named(data).is_some() {
        return data.to_owned();
    }
    std::path::absolute(data).map_or(data.to_owned(), |path| path.display().to_string())
}

/// Removes the folders that were created for a run that did not begin.
fn remove(made: &[PathBuf]) {
    // A folder with content remains.
    let _ = made.iter().try_for_each(fs::remove_dir);
}

/// Warns if a run resumes on another device, where results may no longer be bit-identical.
fn warn_of_other_bits(was: Option<&Description>, is: &Description) {
    // On CPUs results do not depend on the model, or on the number of threads.
    let same = |was: &Description| was == is || (was.backend == "CPU" && is.backend == "CPU");
    if let Some(was) = was.filter(|was| !same(was)) {
        warn!("the run was on {was}: results may no longer be bit-identical");
    }
}

/// Prints settings in the form that `--config` reads.
fn print_config(config: &Config, device: &Choice, kernels: &Choices) -> Result<()> {
    #[derive(serde::Serialize)]
    struct File<'a> {
        device: String,
        #[serde(flatten)]
        config: &'a Config,
        #[serde(skip_serializing_if = "Choices::is_empty")]
        kernels: &'a Choices,
    }
    let text = toml::to_string(&File { device: device.to_string(), config, kernels });
    let failed = |error| Error::io(Path::new("standard output"), Action::Write)(error);
    say(text.map_err(std::io::Error::other).map_err(failed)?.trim_end())
}

/// Prints the device, the layers and the data before training.
fn announce(choice: &Choice, session: &dyn Session, architecture: &Architecture, data: &Split) {
    let device = session.description();
    if *choice == Choice::Auto && device.backend == "CPU" {
        info!("no GPU found: training on the CPU (`wgvae devices` lists all devices)");
    }
    let parameters: usize = architecture.parameters().iter().map(|p| p.shape.len()).sum();
    let (which, held_out) = data.held_out();
    info!("{device}");
    info!(
        "{architecture}, {parameters} parameters; {} training and {} {} images",
        data.train.len(),
        held_out.len(),
        which.name(),
    );
}
