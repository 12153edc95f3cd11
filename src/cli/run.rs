//! Code shared by the commands that use a trained run.

use super::reading::ReadingFlags;
use super::shared::{BinarizeFlag, DATA, DeviceFlag, KernelsFlag, scales};
use crate::checkpoint::{self, Checkpoint};
use crate::data::{Dataset, Reading, Size, Source, Split, read_images};
use crate::model::{self, Scale, Weights};
use crate::report::{Row, Tiles, square_band, tiles};
use crate::train::{Config, ConfigFile};
use crate::{Error, Matrix, Result, Vae};
use clap::builder::NonEmptyStringValueParser;
use std::path::{Path, PathBuf};

/// Which run, and where to compute.
#[derive(Debug, clap::Args)]
pub(super) struct RunFlags {
    /// A run's folder, for its weights after the last epoch (model.safetensors), or a model's file;
    /// RUN/best.safetensors has the weights of the epoch with the best validation or test ELBO
    run: PathBuf,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    /// Function from the second half of the encoder's outputs to standard deviations, if the model's
    /// file does not name it
    #[arg(long, value_name = "FUNCTION", value_parser = scales())]
    scale: Option<Scale>,
    /// Seed of the noise
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
}

/// An open run: its model and its settings.
pub(super) struct Run {
    pub(super) vae: Vae,
    pub(super) config: Config,
    /// The run's folder, or the model's file.
    path: PathBuf,
}

impl RunFlags {
    pub(super) fn open(&self) -> Result<Run> {
        let (weights, ConfigFile { config, .. }) = read_run(&self.run, self.scale)?;
        let vae = Vae::new(self.device.open(&self.kernels)?, &weights)?;
        Ok(Run { vae, config, path: self.run.clone() })
    }

    /// Returns a description of the weights that are used.
    pub(super) fn weights(&self, config: &Config) -> String {
        let epoch = |name: &str| match name {
            "model.safetensors" => ", after the last epoch".to_owned(),
            "best.safetensors" => {
                format!(", of the epoch with the best {} ELBO", config.held_out().name())
            }
            _ => String::new(),
        };
        let file =
            if self.run.is_dir() { self.run.join("model.safetensors") } else { self.run.clone() };
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // A run has settings in the same folder; a file from elsewhere may have any name.
        let is_of_run = file.with_file_name("config.toml").exists();
        format!("{}{}", file.display(), if is_of_run { epoch(name) } else { String::new() })
    }

    /// Returns the run's name in a picture's title.
    pub(super) fn name(&self) -> String {
        self.run.display().to_string()
    }
}

/// Reads the model and the settings of a run, or of a model's file, whose settings are the
/// defaults.
pub(super) fn read_run(run: &Path, scale: Option<Scale>) -> Result<(Weights, ConfigFile)> {
    let (model, mut file) = if run.is_dir() {
        (run.join("model.safetensors"), ConfigFile::read(&run.join("config.toml"))?)
    } else {
        // A run's own model has its settings beside it.
        let settings = run.with_file_name("config.toml");
        let is_of_run = run.with_file_name("metrics.jsonl").is_file() && settings.is_file();
        let file = if is_of_run { ConfigFile::read(&settings)? } else { ConfigFile::default() };
        (run.to_owned(), file)
    };
    let weights = model::load_as(&model, scale)?;
    check_finite(&model, &weights)?;
    file.config = file.config.with_architecture(&weights.architecture);
    Ok((weights, file))
}

/// Checks that a model's weights are finite; those of a run that diverged may not be.
fn check_finite(path: &Path, weights: &Weights) -> Result<()> {
    let parameters = weights.architecture.parameters();
    let wrong = parameters.iter().zip(&weights.values).find_map(|(parameter, values)| {
        Some((parameter, values.iter().find(|value| !value.is_finite())?))
    });
    wrong.map_or(Ok(()), |(parameter, value)| {
        Err(Error::file(path, format!("finite numbers in {}", parameter.name), value))
    })
}

/// Which images a run is asked about.
#[derive(Debug, clap::Args)]
pub(super) struct ImageFlags {
    /// Images, in any form that `train --data` takes; of data with a test set, its test images
    /// [default: the test images of the run]
    #[arg(long, visible_alias = "data", value_name = "DATA", help_heading = DATA, value_parser = NonEmptyStringValueParser::new())]
    input: Option<String>,
    #[command(flatten)]
    size: SizeFlag,
    #[command(flatten)]
    reading: ReadingFlags,
    /// How to binarise grey pixels [default: as in training]
    #[arg(long, value_enum, help_heading = DATA)]
    binarize: Option<BinarizeFlag>,
    /// Only the first N images
    #[arg(long, value_name = "N", help_heading = DATA, value_parser = at_least_one)]
    limit: Option<usize>,
}

impl ImageFlags {
    /// Loads the images, with the width of the run's model.
    pub(super) fn load(&self, run: &Run) -> Result<Dataset> {
        // Checked before pictures are resized to it.
        self.size.size.map_or(Ok(()), |_| self.size.of(run).map(drop))?;
        let input = run.vae.architecture().input();
        let (mut data, source) = match &self.input {
            Some(input) => {
                let reading = self.reading.over(Reading::default());
                (read_images(input, self.size.size, &reading)?.0, input)
            }
            None => {
                // A size with another number of pixels is not this model's, whatever the run's
                // folder says.
                let size = run.config.size.filter(|size| size.pixels() == input);
                let reading = self.reading.over(run.config.reading.clone());
                let source = Source { size, reading, ..run.config.source() };
                let split = Split::load(&source)?;
                let mut split = split.with_validation(run.config.validation)?;
                split.train.truncate(run.config.limit.unwrap_or(usize::MAX));
                self.check_same(run, &split)?;
                (split.test, &run.config.data)
            }
        };
        if data.width() != input {
            return Err(Error::Setting {
                setting: "input",
                expected: format!("images of {input} pixels, as the model requires"),
                found: format!("{} pixels in {source}", data.size),
            });
        }
        data.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(data)
    }

    /// Refuses images that differ from the run's, though they are at the same path.
    fn check_same(&self, run: &Run, split: &Split) -> Result<()> {
        if self.reads_otherwise() {
            return Ok(());
        }
        // Without the run's checkpoint this is not known.
        let labels = run.vae.architecture().labels();
        match Checkpoint::load(&run.path.join(checkpoint::FILE_NAME)) {
            Ok(checkpoint)
                if checkpoint.state.data != checkpoint::fingerprint_with_labels(split, labels) => {}
            _ => return Ok(()),
        }
        Err(Error::Data {
            path: run.config.data.clone().into(),
            expected: "the images that the run was trained on".to_owned(),
            found: "other images".to_owned(),
            remedy: "--input DATA, to use these or other images".to_owned(),
        })
    }

    /// Whether flags change how the run's images are read, compared with training.
    fn reads_otherwise(&self) -> bool {
        self.size.size.is_some() || self.reading.over(Reading::default()) != Reading::default()
    }

    /// Returns all images of a data set, converted as inputs of the model.
    pub(super) fn all(&self, run: &Run, data: &Dataset, seed: u64) -> Result<Matrix> {
        let all: Vec<u32> = (0..data.len() as u32).collect();
        self.matrix(run, data, &all, seed)
    }

    /// Returns some of the images, with their labels if the model has labels.
    pub(super) fn matrix(
        &self,
        run: &Run,
        data: &Dataset,
        which: &[u32],
        seed: u64,
    ) -> Result<Matrix> {
        let names = run.vae.architecture().labels();
        let binarize = self.binarize.map_or(run.config.binarize, Into::into);
        if names.is_empty() {
            return data.matrix(which, binarize, seed);
        }
        let labels = data.one_hot(which, names).map_err(|error| match error {
            Error::Shape { expected, found, .. } => Error::Data {
                path: self.input.as_ref().unwrap_or(&run.config.data).into(),
                expected: format!("{expected}, for a model with labels"),
                found,
                remedy: "--input DATA with the labels that the model was trained with".to_owned(),
            },
            other => other,
        })?;
        data.matrix(which, binarize, seed)?.beside(&labels)
    }
}

/// The label of images that a model generates.
#[derive(Debug, clap::Args)]
pub(super) struct LabelFlag {
    /// Label of the images, for a model of `train --conditional`
    #[arg(long, value_name = "LABEL")]
    pub(super) label: Option<String>,
}

impl LabelFlag {
    /// Checks that the run's model has the label, if there is one.
    pub(super) fn check(&self, run: &Run) -> Result<()> {
        let label = self.label.as_deref();
        label.map_or(Ok(()), |label| run.vae.architecture().label(label).map(drop))
    }

    /// Returns the description of the label in a picture's title.
    pub(super) fn title(&self) -> String {
        self.label.as_ref().map_or(String::new(), |label| format!(" with label {label}"))
    }
}

/// Parses a number that is at least one.
pub(super) fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number from 1 on".to_owned()),
    }
}

/// Checks that the file name is that of a picture.
pub(super) fn check_picture(path: &Path) -> Result<()> {
    if is_picture(path) { Ok(()) } else { Err(wrong_ending("output", ".png", path)) }
}

/// Checks that the file name of a setting is that of a file of numbers.
pub(super) fn check_matrix(setting: &'static str, path: &Path) -> Result<()> {
    Matrix::check_ending(path).map_err(|_| wrong_ending(setting, ".npy or .csv", path))
}

/// Checks that the file name is that of a picture or of a file of numbers.
pub(super) fn check_output(path: &Path) -> Result<()> {
    if is_picture(path) || Matrix::check_ending(path).is_ok() {
        return Ok(());
    }
    Err(wrong_ending("output", ".png, .npy or .csv", path))
}

fn wrong_ending(setting: &'static str, endings: &str, path: &Path) -> Error {
    let expected = format!("a name that ends with {endings}");
    Error::Setting { setting, expected, found: path.display().to_string() }
}

/// Checks that `count` images of a model, `times` times, can be addressed.
pub(super) fn check_count(
    run: &Run,
    setting: &'static str,
    count: usize,
    times: usize,
) -> Result<()> {
    let most = run.vae.architecture().most_images() / times.max(1);
    if count <= most {
        return Ok(());
    }
    Err(Error::Setting { setting, expected: format!("1 to {most}"), found: count.to_string() })
}

/// Whether a file is a picture, by its extension.
pub(super) fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
}

/// How large an image is.
#[derive(Debug, clap::Args)]
pub(super) struct SizeFlag {
    /// Rows and columns of an image; pictures that are read are resized to this size [default: as
    /// in training, else a square]
    #[arg(long, value_name = "ROWSxCOLUMNS", help_heading = DATA)]
    size: Option<Size>,
}

impl SizeFlag {
    /// Returns the size of the images of a run's model.
    pub(super) fn of(&self, run: &Run) -> Result<Size> {
        let pixels = run.vae.architecture().input();
        let known = run.config.size.filter(|size| size.pixels() == pixels);
        let size = self.size.or(known).or(Size::square(pixels));
        size.filter(|size| size.pixels() == pixels).ok_or_else(|| Error::Setting {
            setting: "size",
            expected: format!("ROWSxCOLUMNS, {pixels} pixels in all"),
            found: size
                .map_or(format!("none, and {pixels} is no square number"), |size| size.to_string()),
        })
    }
}

/// Returns pixels clamped to 0 to 1: a driver may round a probability to above 1.
pub(super) fn within(matrix: &Matrix) -> Vec<f32> {
    matrix.values().iter().map(|value| value.clamp(0.0, 1.0)).collect()
}

/// How many images a picture has side by side.
#[derive(Debug, clap::Args)]
pub(super) struct ColumnsFlag {
    /// Images side by side in the picture [default: all if at most 12, else 10, or more for a
    /// nearly square picture]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    columns: Option<usize>,
}

impl ColumnsFlag {
    /// Returns the flag, or these columns if it is not given.
    pub(super) fn or(&self, columns: Option<usize>) -> Self {
        Self { columns: self.columns.or(columns) }
    }

    /// Draws lines of images, each next to its caption. `labels` are above the images and `groups`
    /// are lines with a gap above, like in [`Tiles`].
    pub(super) fn draw(
        &self,
        path: &Path,
        title: &str,
        size: Size,
        lines: &[(&str, &Matrix)],
        (labels, groups): (&[String], &[usize]),
    ) -> Result<()> {
        let images: Vec<_> = lines.iter().map(|(_, matrix)| within(matrix)).collect();
        let rows_of = lines.iter().zip(&images);
        let lines: Vec<_> = rows_of.map(|((caption, _), images)| Row { caption, images }).collect();
        let size = (size.rows(), size.columns());
        let count = images.first().map_or(0, Vec::len) / (size.0 * size.1).max(1);
        let per_band = self.columns.unwrap_or_else(|| square_band(count, lines.len(), size));
        tiles(path, &Tiles { title, size, per_band, lines: &lines, labels, groups })
    }
}
