//! The model as one value for users of the library, which trains, saves and evaluates on any
//! device. It is the tutorial's class; each method runs a plan of [`model`](crate::model).

use crate::checkpoint::Position;
use crate::data::Split;
use crate::device::{Choice, Options, ProgramId, Session, Values, open};
use crate::graph::{Plan, Step, TensorId};
use crate::model::{
    self, Activation, Architecture, DECODER_INPUT, DECODER_LABELS, Drawn, ENCODER_INPUT, Encoded,
    Init, Likelihood, Scale, States, Weights, decoding, encoding, likelihood, posterior_predictive,
    prior_predictive,
};
use crate::train::{Config, EpochReport, Trainer};
use crate::{Error, Matrix, Result};
use std::ops::ControlFlow;
use std::path::Path;

/// Rows that are computed at once. Results do not depend on it: noise depends on the row.
pub(crate) const CHUNK: usize = 256;

/// A variational autoencoder on a device.
///
/// A model [with labels](Builder::labels) is given the label of each image: its images are `[images,
/// encoder_inputs]`, each [beside](Matrix::beside) the [one-hot](Matrix::one_hot) numbers of its label,
/// and the latents that it decodes are `[images, decoder_inputs]`, beside those of a label. Without
/// labels these are `[images, input]` and `[images, latent]`.
///
/// ```
/// use wgvae::device::Choice;
/// use wgvae::{Matrix, Vae};
///
/// let mut vae = Vae::builder(4).hidden(&[3, 2]).device(Choice::Cpu).build()?;
/// let images = Matrix::new(2, 4, vec![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0])?;
/// let means = vae.transform(&images)?;
/// assert_eq!((means.rows(), means.columns()), (2, 2));
/// let probabilities = vae.decode(&means)?;
/// assert_eq!((probabilities.rows(), probabilities.columns()), (2, 4));
///
/// let mut vae = Vae::builder(4).hidden(&[3, 2]).labels(&["cat", "dog"]).device(Choice::Cpu).build()?;
/// let means = vae.transform(&images.beside(&Matrix::one_hot(&[0, 1], 2)?)?)?;
/// assert_eq!(vae.decode_of("dog", &means)?.columns(), 4);
/// # Ok::<(), wgvae::Error>(())
/// ```
pub struct Vae {
    architecture: Architecture,
    session: Box<dyn Session>,
    posterior: Loaded<Drawn>,
    /// The plans from here on are loaded when they are first needed.
    encoder: Option<Loaded<Encoded>>,
    decoder: Option<Loaded<TensorId>>,
    prior: Option<Loaded<Drawn>>,
    likelihood: Option<Loaded<TensorId>>,
    /// The end of the last training.
    trained: Option<Trained>,
}

/// The end of a training, from which another resumes.
#[derive(Debug)]
struct Trained {
    /// The settings, with 0 epochs.
    settings: Config,
    /// Number of training images.
    images: usize,
    states: States,
    position: Position,
    /// The weights of which the model has the averages, if the optimiser averages.
    weights: Option<Weights>,
}

impl Trained {
    /// Whether a training with these settings resumes this one, that is, continues its shuffles and
    /// noise.
    fn continues(&self, settings: &Config, images: usize) -> bool {
        self.settings == *settings && self.images == images
    }
}

/// The layers and the device of a new model.
#[derive(Clone, Debug)]
pub struct Builder {
    input: usize,
    config: Config,
    choice: Choice,
    options: Options,
}

impl Builder {
    /// Sets the layer sizes of the encoder, by default 200 and 100; the last is the number of
    /// latent units. The decoder mirrors the encoder.
    pub fn hidden(mut self, sizes: &[usize]) -> Self {
        self.config.hidden = sizes.to_vec();
        self
    }

    /// Sets the function between layers, by default ReLU.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.config.activation = activation;
        self
    }

    /// Sets the layer sizes between the latents and the decoder's output.
    pub fn decoder(mut self, sizes: &[usize]) -> Self {
        self.config.decoder = Some(sizes.to_vec());
        self
    }

    /// Sets the function to standard deviations, by default softplus.
    pub fn scale(mut self, scale: Scale) -> Self {
        self.config.scale = scale;
        self
    }

    /// Sets the distribution of the starting weights, by default the tutorial's.
    pub fn init(mut self, init: Init) -> Self {
        self.config.init = init;
        self
    }

    /// Sets the distribution of a pixel, by default Bernoulli.
    pub fn likelihood(mut self, likelihood: &'static Likelihood) -> Self {
        self.config.likelihood = likelihood;
        self
    }

    /// Sets the names of the labels that encoder and decoder are given, by default none.
    pub fn labels(mut self, names: &[impl ToString]) -> Self {
        self.config.conditional = !names.is_empty();
        self.config.labels = names.iter().map(ToString::to_string).collect();
        self
    }

    /// Sets the seed of the starting weights, by default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Sets the device, by default a real GPU if there is one, else the CPU.
    pub fn device(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    /// Sets options of the device.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Opens the device and creates the model.
    ///
    /// # Errors
    /// [`Error::Setting`] if the layers are invalid; the errors of [`open`] and [`Vae::new`].
    pub fn build(self) -> Result<Vae> {
        let architecture = self.config.architecture(self.input)?;
        let weights = self.config.init.weights(&architecture, self.config.seed);
        Vae::new(open(&self.choice, self.options)?, &weights)
    }
}

/// A plan in the session, and its outputs that are read.
#[derive(Clone, Copy, Debug)]
struct Loaded<T> {
    program: ProgramId,
    outputs: T,
}

impl<T: Copy> Loaded<T> {
    fn new(session: &mut dyn Session, (plan, outputs): (Plan, T)) -> Result<Self> {
        Ok(Self { program: session.load(plan)?, outputs })
    }

    /// Returns the content of `slot`, after loading it if it is empty.
    fn get(
        slot: &mut Option<Self>,
        session: &mut dyn Session,
        make: impl FnOnce() -> Result<(Plan, T)>,
    ) -> Result<Self> {
        match *slot {
            Some(loaded) => Ok(loaded),
            None => Ok(*slot.insert(Self::new(session, make()?)?)),
        }
    }
}

/// Rows for a plan.
#[derive(Clone, Copy)]
struct Input<'a> {
    /// The name of their tensor.
    name: &'static str,
    /// Its columns, without those of labels.
    width: usize,
    /// Its columns of labels.
    labels: usize,
    rows: &'a Matrix,
}

/// Posteriors of images.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Posterior {
    /// `[images, latent]`.
    pub mean: Matrix,
    /// `[images, latent]`.
    pub stddev: Matrix,
}

/// Images that the model generates.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Predictive {
    /// The latents of the images `[images, latent]`.
    pub z: Matrix,
    /// Probability of each pixel `[images, input]`.
    pub probabilities: Matrix,
    /// A Bernoulli sample of the same latents `[images, input]`.
    pub sample: Matrix,
}

impl Vae {
    /// Returns the builder of a model of images with `input` pixels.
    pub fn builder(input: usize) -> Builder {
        let (config, choice, options) = Default::default();
        Builder { input, config, choice, options }
    }

    /// Creates a model with these weights on a device.
    ///
    /// # Errors
    /// If the device cannot hold the model.
    pub fn new(mut session: Box<dyn Session>, weights: &Weights) -> Result<Self> {
        let architecture = weights.architecture.clone();
        let posterior = Loaded::new(session.as_mut(), posterior_predictive(&architecture, CHUNK)?)?;
        weights.write(session.as_mut())?;
        let (encoder, decoder, prior, likelihood, trained) = Default::default();
        Ok(Self { architecture, session, posterior, encoder, decoder, prior, likelihood, trained })
    }

    /// Loads the model of a file: see [`model::load`].
    ///
    /// # Errors
    /// The errors of [`model::load`] and [`new`](Self::new).
    pub fn load(session: Box<dyn Session>, path: &Path) -> Result<Self> {
        Self::new(session, &model::load(path)?)
    }

    /// Writes the model to a file: see [`model::save`].
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written; errors of the device.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        model::save(path, &self.weights()?)
    }

    /// Returns the model's layers.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Returns the model's device.
    pub fn session(&mut self) -> &mut dyn Session {
        self.session.as_mut()
    }

    /// Returns the weights, copied from the device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn weights(&mut self) -> Result<Weights> {
        Weights::read(&self.architecture, self.session.as_mut())
    }

    /// Returns settings for a training of this model: its layers, and defaults for everything else.
    pub fn config(&self) -> Config {
        Config::default().with_architecture(&self.architecture)
    }

    /// Trains for [`Config::epochs`] more epochs, from the model's weights. Calls `on_epoch` after
    /// each epoch; if that returns [`Break`](ControlFlow::Break), training stops. Returns the
    /// results of each epoch. If the optimiser averages, the model's weights are then the averages, and
    /// another training begins with the weights that were averaged. Two trainings with the same settings, except the number of epochs, on
    /// as many images give results that are bit-identical to one training of all their epochs, unless
    /// a schedule depends on that number: [`Schedule::Cosine`](crate::train::Schedule::Cosine),
    /// [`Config::kl_cycles`].
    ///
    /// # Errors
    /// [`Error::Setting`] if the layers of `config` or the width of the images differ from this
    /// model's; the errors of [`Config::labelled`] and [`Trainer`]; errors of `on_epoch`.
    pub fn fit(
        &mut self,
        data: &Split,
        config: &Config,
        mut on_epoch: impl FnMut(&EpochReport) -> Result<ControlFlow<()>>,
    ) -> Result<Vec<EpochReport>> {
        config.check()?;
        let config = &config.labelled(data)?;
        let wanted = config.architecture(data.train.width())?;
        if wanted != self.architecture {
            return Err(Error::Setting {
                setting: "hidden",
                expected: self.architecture.to_string(),
                found: wanted.to_string(),
            });
        }
        let session = self.session.as_mut();
        let weights = Weights::read(&self.architecture, session)?;
        let settings = Config { epochs: 0, ..config.clone() };
        let mut trainer = Trainer::new(session, config, data)?;
        let before = self.trained.take();
        let before = before.filter(|trained| trained.continues(&settings, data.train.len()));
        let (weights, states, position) = match before {
            Some(Trained { states, position, weights: averaged, .. }) => {
                (averaged.unwrap_or(weights), states, position)
            }
            None => {
                let states = self.architecture.starting_states(config.optimizer);
                (weights, states, Position::default())
            }
        };
        let trained = trainer
            .resume(session, &weights, &states, position)
            .and_then(|()| train(&mut trainer, session, config.epochs, &mut on_epoch));
        let unloaded = trainer.unload(session);
        let (history, states, position) = trained?;
        unloaded?;
        let weights = match config.optimizer.averages() {
            true if !history.is_empty() => {
                let weights = Weights::read(&self.architecture, session)?;
                config.model(&weights, &states).write(session)?;
                Some(weights)
            }
            _ => None,
        };
        let images = data.train.len();
        self.trained = Some(Trained { settings, images, states, position, weights });
        Ok(history)
    }

    /// Returns posterior means `[images, latent]` of images `[images, encoder_inputs]`: the tutorial's
    /// `transform`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the images have another width; errors of the device.
    pub fn transform(&mut self, x: &Matrix) -> Result<Matrix> {
        Ok(self.encode(x)?.mean)
    }

    /// Returns posterior means and standard deviations of images `[images, encoder_inputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the images have another width; errors of the device.
    pub fn encode(&mut self, x: &Matrix) -> Result<Posterior> {
        let session = self.session.as_mut();
        let plan = || encoding(&self.architecture, CHUNK);
        let Loaded { program, outputs } = Loaded::get(&mut self.encoder, session, plan)?;
        let Encoded { mean, stddev } = outputs;
        let input = self.images(x);
        let [mean, stddev] = self.run(program, &[input], x.rows(), 0, [mean, stddev])?;
        Ok(Posterior { mean, stddev })
    }

    /// Generates images like these `[images, encoder_inputs]`: draws latents from each one's posterior and
    /// decodes them, with the image's label.
    ///
    /// # Errors
    /// [`Error::Shape`] if the images have another width; errors of the device.
    pub fn posterior_predictive(&mut self, x: &Matrix, seed: u64) -> Result<Predictive> {
        let input = self.images(x);
        self.draw(self.posterior, &[input], x.rows(), seed)
    }

    /// Generates `count` images from latents drawn from the prior N(0, 1). Those of a model with labels are
    /// divided evenly among its labels, in their order
    /// ([`labels_in_turn`](Architecture::labels_in_turn)).
    ///
    /// # Errors
    /// Errors of the device.
    pub fn prior_predictive(&mut self, count: usize, seed: u64) -> Result<Predictive> {
        self.draw_prior(&self.architecture.labels_in_turn(count), count, seed)
    }

    /// Like [`prior_predictive`](Self::prior_predictive), with this label for every image.
    ///
    /// # Errors
    /// [`Error::Setting`] if the model does not have the label; errors of the device.
    pub fn prior_predictive_of(
        &mut self,
        label: &str,
        count: usize,
        seed: u64,
    ) -> Result<Predictive> {
        let label = self.architecture.label(label)?;
        self.draw_prior(&vec![label; count], count, seed)
    }

    /// Generates `count` images from the prior, each with its label, if the model has labels.
    fn draw_prior(&mut self, labels: &[usize], count: usize, seed: u64) -> Result<Predictive> {
        let session = self.session.as_mut();
        let plan = || prior_predictive(&self.architecture, CHUNK, true);
        let loaded = Loaded::get(&mut self.prior, session, plan)?;
        let width = self.architecture.labels().len();
        if width == 0 {
            return self.draw(loaded, &[], count, seed);
        }
        let rows = &Matrix::one_hot(labels, width)?;
        let labels = Input { name: DECODER_LABELS, width, labels: 0, rows };
        self.draw(loaded, &[labels], count, seed)
    }

    /// Returns pixel probabilities `[images, input]` for latents `[images, decoder_inputs]`: the
    /// tutorial's `prior_predictive_with_input`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the latents have another width; errors of the device.
    pub fn decode(&mut self, z: &Matrix) -> Result<Matrix> {
        let session = self.session.as_mut();
        let plan = || decoding(&self.architecture, CHUNK);
        let Loaded { program, outputs } = Loaded::get(&mut self.decoder, session, plan)?;
        let (width, labels) = (self.architecture.latent(), self.architecture.labels().len());
        let whole = Input { name: DECODER_INPUT, width, labels, rows: z };
        if labels == 0 {
            let [probabilities] = self.run(program, &[whole], z.rows(), 0, [outputs])?;
            return Ok(probabilities);
        }
        check(&[whole], z.rows())?;
        let (z, given) = z.split(width)?;
        let latents = Input { name: DECODER_INPUT, width, labels: 0, rows: &z };
        let given = Input { name: DECODER_LABELS, width: labels, labels: 0, rows: &given };
        let [probabilities] = self.run(program, &[latents, given], z.rows(), 0, [outputs])?;
        Ok(probabilities)
    }

    /// Like [`decode`](Self::decode), for latents `[images, latent]` that all have this label.
    ///
    /// # Errors
    /// [`Error::Setting`] if the model does not have the label; the errors of [`decode`](Self::decode).
    pub fn decode_of(&mut self, label: &str, z: &Matrix) -> Result<Matrix> {
        let labels = vec![self.architecture.label(label)?; z.rows()];
        let labels = Matrix::one_hot(&labels, self.architecture.labels().len())?;
        self.decode(&z.beside(&labels)?)
    }

    /// Returns the log-likelihood of each image `[images, encoder_inputs]`, given latents `[images,
    /// latent]` and the image's label, in nats.
    ///
    /// # Errors
    /// [`Error::Shape`] if the widths or the numbers of rows differ; errors of the device.
    pub fn log_likelihood(&mut self, x: &Matrix, z: &Matrix) -> Result<Vec<f32>> {
        let session = self.session.as_mut();
        let plan = || likelihood(&self.architecture, CHUNK);
        let Loaded { program, outputs } = Loaded::get(&mut self.likelihood, session, plan)?;
        let width = self.architecture.latent();
        let latents = Input { name: DECODER_INPUT, width, labels: 0, rows: z };
        let inputs = [self.images(x), latents];
        let [log_likelihood] = self.run(program, &inputs, x.rows(), 0, [outputs])?;
        Ok(log_likelihood.into_values())
    }

    /// Returns images `[images, encoder_inputs]` as an input of a plan.
    fn images<'a>(&self, rows: &'a Matrix) -> Input<'a> {
        let labels = self.architecture.labels().len();
        Input { name: ENCODER_INPUT, width: self.architecture.input(), labels, rows }
    }

    fn draw(
        &mut self,
        Loaded { program, outputs }: Loaded<Drawn>,
        inputs: &[Input],
        rows: usize,
        seed: u64,
    ) -> Result<Predictive> {
        let Drawn { z, probabilities, sample, .. } = outputs;
        let outputs = [z, probabilities, sample];
        let [z, probabilities, sample] = self.run(program, inputs, rows, seed, outputs)?;
        Ok(Predictive { z, probabilities, sample })
    }

    /// Runs a plan on all rows, chunk by chunk, and reads its outputs.
    fn run<const N: usize>(
        &mut self,
        program: ProgramId,
        inputs: &[Input],
        rows: usize,
        seed: u64,
        outputs: [TensorId; N],
    ) -> Result<[Matrix; N]> {
        check(inputs, rows)?;
        let mut read: [Vec<f32>; N] = std::array::from_fn(|_| Vec::new());
        for first in (0..rows).step_by(CHUNK) {
            let count = CHUNK.min(rows - first);
            for &Input { name, width, labels, rows } in inputs {
                let width = width + labels;
                let chunk = &rows.values()[first * width..][..count * width];
                self.session.write_rows(name, 0, Values::F32(chunk))?;
            }
            self.session.run(program, &[Step::new(seed, 0, first as u32)])?;
            for (output, read) in outputs.into_iter().zip(&mut read) {
                let values = self.session.read_output_f32(program, output)?;
                read.extend(&values[..values.len() / CHUNK * count]);
            }
        }
        Ok(read.map(|values| Matrix::of_rows(rows, values)))
    }
}

/// Trains for up to `epochs` epochs; returns their results, and what another training resumes from.
fn train(
    trainer: &mut Trainer,
    session: &mut dyn Session,
    epochs: u32,
    on_epoch: &mut dyn FnMut(&EpochReport) -> Result<ControlFlow<()>>,
) -> Result<(Vec<EpochReport>, States, Position)> {
    let mut history = Vec::new();
    while history.len() < epochs as usize {
        let report = trainer.epoch(session, |_| Ok(()))?;
        let is_last = on_epoch(&report)?.is_break();
        history.push(report);
        if is_last {
            break;
        }
    }
    Ok((history, trainer.states(session)?, trainer.position()))
}

/// Checks that there are rows, equally many in each input, and of the right width.
fn check(inputs: &[Input], rows: usize) -> Result<()> {
    let wrong = |expected, found| Err(Error::Shape { op: "model", expected, found });
    if rows == 0 {
        return wrong("at least one row".to_owned(), "none".to_owned());
    }
    for &Input { width, labels, rows: matrix, .. } in inputs {
        if matrix.columns() != width + labels {
            let found = format!("rows of {}", matrix.columns());
            let expected = match labels {
                0 => format!("rows of {width} numbers"),
                _ => format!("rows of {width} numbers and {labels} of labels"),
            };
            return wrong(expected, found);
        }
        if matrix.rows() != rows {
            return wrong(format!("{rows} rows"), matrix.rows().to_string());
        }
    }
    Ok(())
}
