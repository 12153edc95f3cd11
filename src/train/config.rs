//! Settings of a run: everything that is needed to repeat it.

use super::schedule::ramp;
use super::{Every, Schedule};
use crate::checkpoint::State;
use crate::data::{Account, Dataset, HeldOut, Reading, Size, Source, Split, Validation};
use crate::device::Choices;
use crate::device::Description;
use crate::graph::{Binarize, Plan, Scalars, Step};
use crate::model::{
    Activation, Architecture, BERNOULLI, Bound, Init, Likelihood, Objective, Scale, States,
    Training, Weights,
};
use crate::optimizer::{AVERAGE, Optimizer};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::{Display, Formatter};

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// See [`Source::data`].
    pub data: String,
    /// See [`Source::size`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// See [`Source::test_data`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_data: Option<String>,
    /// See [`Source::test_fraction`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// See [`Split::with_validation`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Conversion of grey pixels.
    pub binarize: Binarize,
    /// Number of training images that are used, from the first on; all if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The tutorial's `hidden_layer_sizes`: the last is the latent size.
    pub hidden: Vec<usize>,
    /// Layer sizes between the latents and the decoder's output, if not the encoder's in reverse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Vec<usize>>,
    /// The function between layers.
    #[serde(skip_serializing_if = "is_default")]
    pub activation: Activation,
    /// The function from the encoder's outputs to standard deviations.
    #[serde(skip_serializing_if = "is_default")]
    pub scale: Scale,
    /// The distribution of starting weights.
    #[serde(skip_serializing_if = "is_default")]
    pub init: Init,
    /// Where the output bias starts.
    #[serde(skip_serializing_if = "is_default")]
    pub output_bias: OutputBias,
    /// The distribution of a pixel.
    #[serde(skip_serializing_if = "is_bernoulli")]
    pub likelihood: &'static Likelihood,
    /// See [`Architecture::with_pixel_stddev`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_stddev: Option<f64>,
    /// Whether encoder and decoder are given the label of each image.
    #[serde(skip_serializing_if = "is_default")]
    pub conditional: bool,
    /// The names of those labels: see [`labelled`](Self::labelled).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The run's folder or the model's file whose layers and weights a [`Run`](super::Run) starts with,
    /// instead of new weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Number of passes over the training images.
    pub epochs: u32,
    /// Epochs without a better ELBO of the validation or test images after which training stops. Those
    /// in which the weight of the KL divergence still rises do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// Images per step.
    pub batch: usize,
    /// The optimiser's step size.
    pub learning_rate: f64,
    /// The bound that training maximises.
    #[serde(skip_serializing_if = "is_default")]
    pub objective: Bound,
    /// Draws of each image's latents.
    #[serde(skip_serializing_if = "is_one")]
    pub samples: usize,
    /// See [`Objective::free_bits`].
    #[serde(skip_serializing_if = "is_zero")]
    pub free_bits: f64,
    /// See [`Training::clip_norm`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Epochs over which the step size rises linearly to its value.
    #[serde(skip_serializing_if = "is_zero")]
    pub warm_up: f64,
    /// Weight of the KL divergence in the loss (Higgins and others, "beta-VAE", 2017).
    #[serde(skip_serializing_if = "is_one")]
    pub beta: f64,
    /// Epochs over which the weight rises linearly from 0 to `beta` (Bowman and others, 2016;
    /// Sønderby and others, 2016).
    #[serde(skip_serializing_if = "is_zero")]
    pub kl_warm_up: f64,
    /// Number of equal parts of the training, each of which begins with a warm-up of the weight (Fu
    /// and others, "Cyclical Annealing Schedule", 2019).
    #[serde(skip_serializing_if = "is_one")]
    pub kl_cycles: u32,
    /// Whether ops are fused.
    pub fuse: bool,
    /// Seed of the starting weights, the shuffles and the noise.
    pub seed: u64,
    /// Whether the run writes event files for TensorBoard.
    pub tensorboard: bool,
    /// Interval in steps at which a step's kernels are timed. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_every: Option<u32>,
    /// Interval of checkpoints in addition to those after every epoch. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<Every>,
    /// Interval in steps at which a step is repeated on the f64 oracle and compared. Results do not
    /// depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_check: Option<u32>,
    /// The optimiser.
    #[serde(skip_serializing_if = "is_default")]
    pub optimizer: Optimizer,
    /// How the step size changes.
    #[serde(skip_serializing_if = "is_default")]
    pub schedule: Schedule,
    /// See [`Source::reading`].
    #[serde(skip_serializing_if = "is_default")]
    pub reading: Reading,
    /// Later changes of settings, by increasing step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// The start of the output bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputBias {
    /// At 0.
    #[default]
    Zero,
    /// Where a decoder of weights 0 has the mean of the training images ([`Weights::with_mean`]).
    Data,
}

/// Settings that change after a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Steps before it, over all epochs; at least 1.
    pub step: u32,
    /// The optimiser's step size from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Device on which the run resumed. `--config` does not repeat it: a new run with these
    /// settings is on one device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Description>,
    /// The variants of kernels on that device, as in
    /// [`ConfigFile::kernels`](super::ConfigFile::kernels).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Choices>,
}

impl Change {
    /// Returns the change without the variants, if it names the device.
    pub fn brief(&self) -> Self {
        let kernels = self.kernels.clone().filter(|_| self.device.is_none());
        Self { kernels, ..self.clone() }
    }

    fn is_empty(&self) -> bool {
        self.learning_rate.is_none() && self.device.is_none() && self.kernels.is_none()
    }
}

impl Display for Change {
    /// Writes `learning rate 0.0005, on llvmpipe`, with the adapter's name.
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let rate = self.learning_rate.map(|rate| format!("learning rate {rate}"));
        let device = self.device.as_ref().map(|device| format!("on {}", device.name));
        let kernels = self.kernels.as_ref().filter(|_| device.is_none());
        let kernels = kernels.map(|_| "other variants of kernels".to_owned());
        let parts: Vec<_> = [rate, device, kernels].into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

/// The forms of images with labels.
const LABELLED: &str = "IDX files of images and of labels, a folder with a subfolder of pictures for \
                        each label, a table with label_column = COLUMN, or a .npz file with an \
                        array of labels";

fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

fn is_bernoulli(setting: &&'static Likelihood) -> bool {
    **setting == BERNOULLI
}

fn is_zero(setting: &f64) -> bool {
    *setting == 0.0
}

fn is_one<T: PartialEq + From<u8>>(setting: &T) -> bool {
    *setting == T::from(1)
}

impl Default for Config {
    /// Returns the tutorial's settings.
    fn default() -> Self {
        Self {
            data: "mnist".to_owned(),
            size: None,
            test_data: None,
            test_fraction: None,
            validation: None,
            binarize: Binarize::Threshold,
            limit: None,
            hidden: vec![200, 100],
            decoder: None,
            activation: Activation::default(),
            scale: Scale::default(),
            init: Init::default(),
            output_bias: OutputBias::default(),
            likelihood: &BERNOULLI,
            pixel_stddev: None,
            conditional: false,
            labels: Vec::new(),
            from: None,
            epochs: 30,
            patience: None,
            batch: 64,
            learning_rate: Scalars::default().learning_rate,
            objective: Bound::default(),
            samples: 1,
            free_bits: 0.0,
            clip_norm: None,
            warm_up: 0.0,
            beta: Scalars::default().kl_weight,
            kl_warm_up: 0.0,
            kl_cycles: 1,
            fuse: true,
            seed: 0,
            tensorboard: true,
            profile_every: None,
            checkpoint_every: None,
            self_check: None,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            reading: Reading::default(),
            changes: Vec::new(),
        }
    }
}

impl Config {
    /// Checks the settings that can be checked without the data.
    ///
    /// # Errors
    /// [`Error::Setting`] with the setting.
    pub fn check(&self) -> Result<()> {
        let wrong = |setting, expected: &str, found: String| {
            Err(Error::Setting { setting, expected: expected.to_owned(), found })
        };
        self.reading.check()?;
        if self.limit == Some(0) {
            return wrong("limit", "at least 1 image", "0".to_owned());
        }
        if self.profile_every == Some(0) {
            return wrong("profile_every", "at least 1 step", "0".to_owned());
        }
        if self.self_check == Some(0) {
            return wrong("self_check", "at least 1 step", "0".to_owned());
        }
        if self.patience == Some(0) {
            return wrong("patience", "at least 1 epoch", "0".to_owned());
        }
        if self.epochs == 0 {
            return wrong("epochs", "at least 1", "0".to_owned());
        }
        // Kernels compute in f32.
        let is_step_size = |rate: &f64| *rate > 0.0 && (*rate as f32).is_normal();
        if let Some(rate) = self.learning_rates().find(|rate| !is_step_size(rate)) {
            let expected = "a number above 0, from 1e-37 to 1e38";
            return wrong("learning_rate", expected, rate.to_string());
        }
        self.schedule.check()?;
        self.objective().check()?;
        for (setting, value) in
            [("warm_up", self.warm_up), ("beta", self.beta), ("kl_warm_up", self.kl_warm_up)]
        {
            if !(value >= 0.0 && (value as f32).is_finite()) {
                return wrong(setting, "a number from 0 on", value.to_string());
            }
        }
        if let Some(norm) = self.clip_norm
            && !(norm > 0.0 && (norm as f32).is_normal())
        {
            return wrong("clip_norm", "a number above 0", norm.to_string());
        }
        if !self.labels.is_empty() && !self.conditional {
            return wrong("labels", "none unless conditional is true", self.labels.join(", "));
        }
        if self.kl_cycles == 0 {
            return wrong("kl_cycles", "at least 1", "0".to_owned());
        }
        let steps: Vec<_> = [0].into_iter().chain(self.changes.iter().map(|c| c.step)).collect();
        if let Some(pair) = steps.windows(2).find(|pair| pair[0] >= pair[1]) {
            let expected =
                format!("changes in the order of their steps, from 1 on: one after {}", pair[0]);
            return wrong("config", &expected, pair[1].to_string());
        }
        Ok(())
    }

    /// Checks the batch against the number of training images.
    ///
    /// # Errors
    /// [`Error::Setting`] if the batch is empty or larger.
    pub fn check_batch(&self, count: usize) -> Result<()> {
        if (1..=count).contains(&self.batch) {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "batch",
            expected: format!("1 to {count}, the number of training images"),
            found: self.batch.to_string(),
        })
    }

    /// Returns the layers of a model of images of `input` pixels, with the inputs of
    /// [`labels`](Self::labels).
    ///
    /// # Errors
    /// The errors of [`Architecture::new`] and [`Architecture::with_labels`].
    pub fn architecture(&self, input: usize) -> Result<Architecture> {
        let layers = Architecture::new(input, &self.hidden)?;
        let layers = match &self.decoder {
            Some(decoder) => layers.with_decoder(decoder)?,
            None => layers,
        };
        let layers = layers.with_activation(self.activation)?.with_scale(self.scale);
        let layers = layers.with_likelihood(self.likelihood)?;
        layers.with_pixel_stddev(self.pixel_stddev)?.with_labels(self.labels.clone())
    }

    /// Returns the settings for these images: if the model is [`conditional`](Self::conditional) and
    /// [`labels`](Self::labels) are empty, they become those of the training images.
    ///
    /// # Errors
    /// [`Error::Data`] if images have no labels, or labels that are not among these.
    pub fn labelled(&self, data: &Split) -> Result<Self> {
        if !self.conditional {
            return Ok(self.clone());
        }
        let other_test = self.test_data.as_ref().unwrap_or(&self.data);
        let sets = [
            ("training", &self.data, Some(&data.train)),
            (HeldOut::Validation.name(), &self.data, data.validation.as_ref()),
            (HeldOut::Test.name(), other_test, Some(&data.test)),
        ];
        let is_known = !self.labels.is_empty();
        let names = if is_known { self.labels.clone() } else { data.train.classes() };
        for (name, path, set) in sets {
            let Some(set) = set else { continue };
            let classes = set.classes();
            let wrong = |expected, found, remedy: &str| {
                let (path, remedy) = (path.into(), remedy.to_owned());
                Err(Error::Data { path, expected, found, remedy })
            };
            if classes.is_empty() {
                let expected = format!("labels of the {name} images, for a conditional model");
                return wrong(expected, "none".to_owned(), LABELLED);
            }
            let others: Vec<_> = classes.into_iter().filter(|one| !names.contains(one)).collect();
            if !others.is_empty() {
                let (whose, remedy) = if is_known {
                    ("the model", "images with these labels alone")
                } else {
                    (
                        "the training images",
                        "test_data = IMAGES with these labels alone, or a larger limit",
                    )
                };
                let expected =
                    format!("{name} images with the labels of {whose}: {}", names.join(", "));
                return wrong(expected, others.join(", "), remedy);
            }
        }
        Ok(Self { labels: names, ..self.clone() })
    }

    /// Returns the settings with the layers of a model.
    pub fn with_architecture(self, architecture: &Architecture) -> Self {
        let decoder = Some(architecture.decoder_hidden()).filter(|_| !architecture.is_mirrored());
        Self {
            hidden: architecture.hidden().to_vec(),
            decoder: decoder.map(<[usize]>::to_vec),
            activation: architecture.activation(),
            scale: architecture.scale(),
            likelihood: architecture.likelihood(),
            pixel_stddev: architecture.pixel_stddev(),
            conditional: !architecture.labels().is_empty(),
            labels: architecture.labels().to_vec(),
            ..self
        }
    }

    /// Returns new weights that a training on these images starts from.
    ///
    /// # Errors
    /// The errors of [`architecture`](Self::architecture).
    pub fn starting_weights(&self, train: &Dataset) -> Result<Weights> {
        let weights = self.init.weights(&self.architecture(train.width())?, self.seed);
        Ok(match self.output_bias {
            OutputBias::Zero => weights,
            OutputBias::Data => weights.with_mean(&train.mean(self.binarize)),
        })
    }

    /// Returns the objective.
    pub fn objective(&self) -> Objective {
        Objective { bound: self.objective, samples: self.samples, free_bits: self.free_bits }
    }

    /// Returns the objective and the optimiser of a training step.
    pub fn training(&self) -> Training {
        let Self { optimizer, clip_norm, .. } = *self;
        Training { objective: self.objective(), optimizer, clip_norm }
    }

    /// Returns the plan with the averages of the weights in their place, if the optimiser averages.
    pub(super) fn with_averages(&self, plan: Plan) -> Plan {
        if self.optimizer.averages() { plan.with_states(&AVERAGE) } else { plan }
    }

    /// Returns the values of the model that a training has reached after a step: the averages of the
    /// weights, if the optimiser averages, or else the weights.
    pub fn model<'a>(&self, weights: &'a Weights, states: &'a States) -> Cow<'a, Weights> {
        match states.last() {
            Some(averages) if self.optimizer.averages() => {
                let architecture = weights.architecture.clone();
                Cow::Owned(Weights { architecture, values: averages.clone() })
            }
            _ => Cow::Borrowed(weights),
        }
    }

    /// Returns the state of a run before its first step, on data with this
    /// [`fingerprint`](crate::checkpoint::fingerprint).
    pub fn starting_state(&self, data: u32) -> State {
        let Self { seed, batch, binarize, optimizer, .. } = *self;
        let (position, files) = Default::default();
        State { seed, batch, binarize, optimizer, data, position, best: None, files }
    }

    /// Returns which images the training is watched by.
    pub fn held_out(&self) -> HeldOut {
        if self.validation.is_some() { HeldOut::Validation } else { HeldOut::Test }
    }

    /// Loads the images.
    ///
    /// # Errors
    /// The errors of [`Split::read`] and [`Split::with_validation`].
    pub fn split(&self) -> Result<(Split, Account)> {
        let (split, account) = Split::read(&self.source())?;
        Ok((split.with_validation(self.validation)?, account))
    }

    /// Whether training stops after an epoch whose ELBO is no better than the best one's.
    pub fn is_exhausted(&self, epoch: u32, best: u32) -> bool {
        // The weight of the KL divergence rises for the last time in the last cycle.
        let cycle = self.kl_cycle();
        let full = f64::from(self.kl_cycles - 1) * cycle + self.kl_warm_up.min(cycle);
        let from = f64::from(best).max(full);
        self.patience.is_some_and(|patience| f64::from(epoch) - from >= f64::from(patience))
    }

    /// Returns the source of the images.
    pub fn source(&self) -> Source {
        Source {
            data: self.data.clone(),
            size: self.size,
            test_data: self.test_data.clone(),
            test_fraction: self.test_fraction,
            reading: self.reading.clone(),
        }
    }

    /// Returns the training step with this index over all epochs, of `per_epoch` steps each.
    pub fn step(&self, index: u32, per_epoch: u32) -> Step {
        let first_row = index % per_epoch * self.batch as u32;
        Step::new(self.seed, index, first_row)
            .with_learning_rate(self.learning_rate_at(index, per_epoch))
            .with_kl_weight(self.kl_weight_at(index, per_epoch))
    }

    /// Returns the optimiser's step size in the step with this index over all epochs, of `per_epoch`
    /// steps each.
    pub fn learning_rate_at(&self, index: u32, per_epoch: u32) -> f64 {
        let per_epoch = f64::from(per_epoch);
        let factor = self.schedule.factor(f64::from(index) / per_epoch, self.epochs);
        let rise = ramp(f64::from(index + 1) / per_epoch, self.warm_up);
        self.learning_rate_after(index) * factor * rise
    }

    /// Returns the weight of the KL divergence in the step with this index over all epochs, of
    /// `per_epoch` steps each.
    pub fn kl_weight_at(&self, index: u32, per_epoch: u32) -> f64 {
        let epoch = f64::from(index) / f64::from(per_epoch);
        self.beta * ramp(epoch % self.kl_cycle(), self.kl_warm_up)
    }

    /// Returns the epochs from one warm-up of the weight of the KL divergence to the next.
    pub fn kl_cycle(&self) -> f64 {
        f64::from(self.epochs) / f64::from(self.kl_cycles)
    }

    /// Returns the optimiser's step size after `step` steps, before its schedule and warm-up.
    pub fn learning_rate_after(&self, step: u32) -> f64 {
        let before = self.changes.iter().take_while(|change| change.step <= step);
        before.filter_map(|change| change.learning_rate).last().unwrap_or(self.learning_rate)
    }

    /// Returns the optimiser's step sizes, from the first on.
    fn learning_rates(&self) -> impl Iterator<Item = f64> {
        let later = self.changes.iter().filter_map(|change| change.learning_rate);
        [self.learning_rate].into_iter().chain(later)
    }

    /// Sets the step size from `step` on, and discards its later changes.
    pub fn set_learning_rate(&mut self, step: u32, rate: f64) {
        for change in self.changes.iter_mut().filter(|change| change.step >= step) {
            change.learning_rate = None;
        }
        self.changes.retain(|change| !change.is_empty());
        if step == 0 {
            self.learning_rate = rate;
        } else if self.learning_rate_after(step) != rate {
            self.change_after(step).learning_rate = Some(rate);
        }
    }

    /// Returns the change after `step`; inserts an empty one if there is none.
    pub(super) fn change_after(&mut self, step: u32) -> &mut Change {
        let at = self.changes.partition_point(|change| change.step < step);
        if self.changes.get(at).is_none_or(|change| change.step != step) {
            self.changes.insert(at, Change { step, ..Change::default() });
        }
        &mut self.changes[at]
    }

    /// Discards changes of device, which `--config` does not repeat.
    pub fn forget_devices(&mut self) {
        for change in &mut self.changes {
            (change.device, change.kernels) = (None, None);
        }
        self.changes.retain(|change| !change.is_empty());
    }
}
