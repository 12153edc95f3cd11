//! Flags of the optimiser's constants and of what changes during training.

use super::shared::{OBJECTIVE, OPTIMISER, RATE, parts};
use crate::train::{Config, Schedule, Stage};
use crate::{Error, Result};
use clap::ValueEnum;

/// Constants of optimisers, and what changes from step to step.
#[derive(Debug, clap::Args)]
pub(super) struct OptimisationFlags {
    /// rmsprop: share of the running mean of squares that a step keeps
    #[arg(long, help_heading = OPTIMISER, value_name = "SHARE", allow_negative_numbers = true)]
    decay: Option<f64>,
    /// adam, adamw: share of the running mean of gradients that a step keeps
    #[arg(long, help_heading = OPTIMISER, value_name = "SHARE", allow_negative_numbers = true)]
    beta1: Option<f64>,
    /// adam, adamw: share of the running mean of squares that a step keeps
    #[arg(long, help_heading = OPTIMISER, value_name = "SHARE", allow_negative_numbers = true)]
    beta2: Option<f64>,
    /// Number that keeps the optimiser's denominator above 0
    #[arg(long, help_heading = OPTIMISER, value_name = "NUMBER", allow_negative_numbers = true)]
    epsilon: Option<f64>,
    /// Initial value of the running mean of squares
    #[arg(long, help_heading = OPTIMISER, value_name = "NUMBER", allow_negative_numbers = true)]
    initial: Option<f64>,
    /// adamw: share of a weight, times the learning rate, that a step subtracts
    #[arg(long, help_heading = OPTIMISER, value_name = "NUMBER", allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Average the weights over the steps, of which a step keeps this share, such as 0.999
    #[arg(long, help_heading = OPTIMISER, value_name = "SHARE", allow_negative_numbers = true)]
    ema: Option<f64>,
    /// How the learning rate changes [default: constant]
    #[arg(long, help_heading = RATE, value_enum)]
    schedule: Option<ScheduleFlag>,
    /// step: epochs after which the learning rate is multiplied by --factor, such as 200,350
    #[arg(long, help_heading = RATE, value_name = "EPOCHS", value_parser = milestones)]
    milestones: Option<List<u32>>,
    /// step: factor of the learning rate at each milestone [default: 0.1]
    #[arg(long, help_heading = RATE, allow_negative_numbers = true)]
    factor: Option<f64>,
    /// cosine: factor of the learning rate at the end [default: 0]
    #[arg(long, help_heading = RATE, value_name = "FACTOR", allow_negative_numbers = true)]
    floor: Option<f64>,
    /// stages: epochs and the learning rate's factor of each stage, such as 1:1,3:0.5
    #[arg(long, help_heading = RATE, value_name = "EPOCHS:FACTOR", value_parser = stages)]
    stages: Option<List<Stage>>,
    /// Epochs over which the learning rate rises linearly at the beginning [default: 0]
    #[arg(long, help_heading = RATE, value_name = "EPOCHS", allow_negative_numbers = true)]
    warm_up: Option<f64>,
    /// Weight of the KL in the loss [default: 1]
    #[arg(long, help_heading = OBJECTIVE, value_name = "WEIGHT", allow_negative_numbers = true)]
    beta: Option<f64>,
    /// Epochs over which the weight of the KL rises linearly from 0 [default: 0]
    #[arg(long, help_heading = OBJECTIVE, value_name = "EPOCHS", allow_negative_numbers = true)]
    kl_warm_up: Option<f64>,
    /// Repeat the warm-up of the KL's weight N times, evenly over the training [default: 1]
    #[arg(long, help_heading = OBJECTIVE, value_name = "N")]
    kl_cycles: Option<u32>,
}

/// Flags that a resumed run cannot change.
pub(super) const FIXED: [&str; 16] = [
    "decay",
    "beta1",
    "beta2",
    "epsilon",
    "initial",
    "weight_decay",
    "ema",
    "schedule",
    "milestones",
    "factor",
    "floor",
    "stages",
    "warm_up",
    "beta",
    "kl_warm_up",
    "kl_cycles",
];

/// `--schedule`.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum ScheduleFlag {
    /// The same in every epoch
    Constant,
    /// Multiplied by --factor at each of the --milestones
    Step,
    /// Along half a cosine to --floor
    Cosine,
    /// By the --stages
    Stages,
}

impl OptimisationFlags {
    /// Returns the settings with the values of these flags.
    ///
    /// # Errors
    /// [`Error::Setting`] if the optimiser has no such constant, or a flag belongs to another
    /// schedule.
    pub(super) fn over(&self, config: Config) -> Result<Config> {
        let constants = [
            ("decay", self.decay),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("epsilon", self.epsilon),
            ("initial", self.initial),
            ("weight_decay", self.weight_decay),
        ];
        let given = constants.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let optimizer = given
            .into_iter()
            .try_fold(config.optimizer, |optimizer, (name, value)| optimizer.with(name, value))?;
        let optimizer = match self.ema {
            Some(decay) => optimizer.with_average(decay)?,
            None => optimizer,
        };
        Ok(Config {
            optimizer,
            schedule: self.schedule(config.schedule)?,
            warm_up: self.warm_up.unwrap_or(config.warm_up),
            beta: self.beta.unwrap_or(config.beta),
            kl_warm_up: self.kl_warm_up.unwrap_or(config.kl_warm_up),
            kl_cycles: self.kl_cycles.unwrap_or(config.kl_cycles),
            ..config
        })
    }

    fn schedule(&self, before: Schedule) -> Result<Schedule> {
        let kind = self.schedule.unwrap_or(match before {
            Schedule::Step { .. } => ScheduleFlag::Step,
            Schedule::Cosine { .. } => ScheduleFlag::Cosine,
            Schedule::Stages { .. } => ScheduleFlag::Stages,
            Schedule::Constant => ScheduleFlag::Constant,
        });
        let of_others = [
            ("milestones", self.milestones.is_some(), ScheduleFlag::Step),
            ("factor", self.factor.is_some(), ScheduleFlag::Step),
            ("floor", self.floor.is_some(), ScheduleFlag::Cosine),
            ("stages", self.stages.is_some(), ScheduleFlag::Stages),
        ];
        let is_stray = |&(_, is_given, of): &(_, bool, _)| is_given && of != kind;
        if let Some((setting, _, of)) = of_others.into_iter().find(is_stray) {
            let name = |kind: ScheduleFlag| format!("{kind:?}").to_lowercase();
            let expected = format!("--schedule {}", name(of));
            return Err(Error::Setting { setting, expected, found: name(kind) });
        }
        Ok(match (kind, before) {
            (ScheduleFlag::Constant, _) => Schedule::Constant,
            (ScheduleFlag::Step, before) => {
                let (milestones, factor) = match before {
                    Schedule::Step { milestones, factor } => (milestones, factor),
                    _ => (Vec::new(), 0.1),
                };
                let milestones = self.milestones.clone().map_or(milestones, |List(all)| all);
                Schedule::Step { milestones, factor: self.factor.unwrap_or(factor) }
            }
            (ScheduleFlag::Cosine, before) => {
                let floor = if let Schedule::Cosine { floor } = before { floor } else { 0.0 };
                Schedule::Cosine { floor: self.floor.unwrap_or(floor) }
            }
            (ScheduleFlag::Stages, before) => {
                let stages =
                    if let Schedule::Stages { stages } = before { stages } else { Vec::new() };
                Schedule::Stages { stages: self.stages.clone().map_or(stages, |List(all)| all) }
            }
        })
    }
}

/// A list with commas between its entries.
#[derive(Clone, Debug)]
struct List<T>(Vec<T>);

fn list<T>(
    text: &str,
    expected: &str,
    entry: impl Fn(&str) -> Option<T>,
) -> std::result::Result<List<T>, String> {
    let entry = |part| entry(part).ok_or_else(|| format!("expected {expected}, found '{part}'"));
    parts(text).map(entry).collect::<std::result::Result<_, _>>().map(List)
}

fn milestones(text: &str) -> std::result::Result<List<u32>, String> {
    list(text, "whole numbers with commas between them", |part| part.parse().ok())
}

fn stages(text: &str) -> std::result::Result<List<Stage>, String> {
    list(text, "EPOCHS:FACTOR with commas between them, such as 1:1,3:0.5", |part| {
        let (epochs, factor) = part.split_once(':')?;
        Some(Stage { epochs: epochs.trim().parse().ok()?, factor: factor.trim().parse().ok()? })
    })
}
