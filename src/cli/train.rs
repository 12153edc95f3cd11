//! `wgvae train`.

use super::Outcome;
use super::shared::{BinarizeFlag, DeviceFlag, KernelsFlag, StepFlags, report_notes, say};
use crate::Result;
use crate::data::Split;
use crate::device::Session;
use crate::kernel::Step;
use crate::model::{Architecture, Images, Weights};
use crate::train::{Config, EpochReport, Pictures, RunConfig, RunFolder, StepReport, Trainer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Train a model: with no flags, the tutorial's on MNIST for 30 epochs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae train --device gpu --epochs 3 --hidden 500,20 --run runs/first"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    /// mnist, or a folder of IDX files, gzipped or not
    #[arg(long, default_value_t = Config::default().data)]
    data: String,
    /// What becomes of grey pixels
    #[arg(long, value_enum, default_value = "threshold")]
    binarize: BinarizeFlag,
    /// Only the first N training images
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    step: StepFlags,
    /// Times that each image is seen
    #[arg(long, default_value_t = Config::default().epochs)]
    epochs: u32,
    /// RMSProp's step size
    #[arg(long, default_value_t = Config::default().learning_rate, allow_negative_numbers = true)]
    learning_rate: f64,
    /// Seed of the starting weights, the shuffles and the noise
    #[arg(long, default_value_t = Config::default().seed)]
    seed: u64,
    /// The run's folder [default: runs/<date>-<time>]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
}

impl Arguments {
    fn config(&self) -> Config {
        Config {
            data: self.data.clone(),
            binarize: self.binarize.into(),
            limit: self.limit,
            hidden: self.step.hidden.clone(),
            epochs: self.epochs,
            batch: self.step.batch,
            learning_rate: self.learning_rate,
            fuse: !self.step.no_fuse,
            seed: self.seed,
        }
    }

    fn folder(&self) -> PathBuf {
        self.run.clone().unwrap_or_else(|| {
            let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
            // Two runs may begin in one second.
            let others = (2..).map(|number| format!("{now}-{number}"));
            let mut paths = std::iter::once(now.clone()).chain(others);
            let free = paths.find(|name| !Path::new("runs").join(name).exists());
            Path::new("runs").join(free.unwrap_or(now))
        })
    }
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.config();
    config.check()?;
    let mut data = Split::load(&config.data)?;
    if let Some(limit) = config.limit {
        data.train.truncate(limit);
    }
    let architecture = Architecture::new(data.train.width(), &config.hidden)?;
    let mut session = arguments.device.open(&arguments.kernels)?;
    let session = session.as_mut();
    announce(arguments, session, &architecture, &data);
    let mut trainer = Trainer::new(session, &config, &data)?;
    let test = Images {
        name: "test",
        count: data.test.len(),
        batch: data.test.len(),
        binarize: config.binarize,
    };
    let size = (data.test.rows, data.test.columns);
    let pictures = Pictures::load(session, &architecture, test, size, config.fuse)?;
    report_notes(session);
    let description = session.description().clone();
    let mut folder = RunFolder::create(
        &arguments.folder(),
        &RunConfig::new(&config, &description, session.choices()),
    )?;
    let progress = Progress::new(&config, &trainer);
    for _ in 0..config.epochs {
        let report = trainer.epoch(session, |step| {
            progress.step(step);
            folder.step(step)
        })?;
        folder.epoch(&report, &Weights::read(&architecture, session)?)?;
        progress.epoch(&report)?;
    }
    let title = format!("{architecture} on {}", config.data);
    folder.draw_curve(&title)?;
    let when = format!("{title}, epoch {}", config.epochs);
    pictures.draw(session, &folder, Step::new(config.seed, trainer.steps(), 0), &when)?;
    progress.finish();
    say(folder.path().display())?;
    Ok(ExitCode::SUCCESS)
}

/// Says what is about to happen, and where.
fn announce(
    arguments: &Arguments,
    session: &dyn Session,
    architecture: &Architecture,
    data: &Split,
) {
    let device = session.description();
    if arguments.device.is_auto() && device.backend == "CPU" {
        eprintln!("no GPU found: training on the CPU (`wgvae devices` lists what there is)");
    }
    let parameters: usize = architecture.parameters().iter().map(|p| p.shape.len()).sum();
    eprintln!("{device}");
    eprintln!(
        "{architecture}, {parameters} parameters; {} training and {} test images",
        data.train.len(),
        data.test.len(),
    );
}

/// What the user sees of a run: a bar on stderr if that is a terminal, a line an epoch on stdout.
struct Progress {
    bar: ProgressBar,
    epochs: u32,
    batch: u64,
}

impl Progress {
    fn new(config: &Config, trainer: &Trainer) -> Self {
        let batch = config.batch as u64;
        let images = u64::from(config.epochs) * trainer.steps_per_epoch() as u64 * batch;
        let bar = ProgressBar::with_draw_target(Some(images), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {wide_bar} {rate} images/s, {eta} left")
        {
            bar.set_style(style.with_key("rate", |state: &ProgressState, to: &mut dyn Write| {
                // The bar has nobody to report a failed write to.
                let _ = write!(to, "{:.0}", state.per_sec());
            }));
        }
        Self { bar, epochs: config.epochs, batch }
    }

    fn step(&self, report: &StepReport) {
        self.bar.set_position(report.step * self.batch);
        self.bar
            .set_message(format!("epoch {}/{} ELBO {:.2}", report.epoch, self.epochs, report.elbo));
    }

    fn epoch(&self, report: &EpochReport) -> Result<()> {
        self.bar.suspend(|| {
            say(format!(
                "epoch {:>3}/{}  train ELBO {:8.2}  test ELBO {:8.2} (log-likelihood {:.2}, KL {:.2})  \
                 {:.2} s  {:.0} images/s",
                report.epoch,
                self.epochs,
                report.train.elbo,
                report.test.elbo,
                report.test.log_likelihood,
                report.test.kl,
                report.duration.as_secs_f64(),
                report.images_per_second(),
            ))
        })
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
