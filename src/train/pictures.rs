//! The pictures of a run: reconstructions of test images, and samples of the prior.

use super::Config;
use crate::data::Size;
use crate::device::{ProgramId, Session, Values};
use crate::graph::{Plan, Step};
use crate::model::{Architecture, DECODER_LABELS, Drawn, Images, prior_predictive, reconstruction};
use crate::report::{Png, Row, Tiles, tiles_png};
use crate::{Matrix, Result};
use std::path::Path;

/// The number of images side by side.
const PER_BAND: usize = 10;

/// A picture of a run.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The content in one word.
    pub name: &'static str,
    /// Describes the lines of images from top to bottom.
    pub lines: String,
    /// The picture with its title and captions.
    pub png: Png,
    /// The same images without any text, for viewers with small previews.
    pub tiles: Png,
}

/// The plans that draw, loaded before training so that nothing is allocated later.
#[derive(Clone, Copy, Debug)]
pub struct Pictures {
    reconstruction: Loaded,
    prior: Loaded,
    size: Size,
}

#[derive(Clone, Copy, Debug)]
struct Loaded {
    program: ProgramId,
    drawn: Drawn,
}

impl Loaded {
    fn new(session: &mut dyn Session, (plan, drawn): (Plan, Drawn)) -> Result<Self> {
        Ok(Self { program: session.load(plan)?, drawn })
    }
}

impl Pictures {
    /// The plans, with the tensors to draw.
    fn plans(
        architecture: &Architecture,
        test: Images,
        config: &Config,
    ) -> Result<[(Plan, Drawn); 2]> {
        let test = Images { batch: PER_BAND.min(test.count), ..test };
        let prior = prior_predictive(architecture, 2 * PER_BAND, config.fuse)?;
        let plans = [reconstruction(architecture, test, config.fuse)?, prior];
        Ok(plans.map(|(plan, drawn)| (config.with_averages(plan), drawn)))
    }

    /// The plans that [`load`](Self::load) loads.
    ///
    /// # Errors
    /// Only those of a faulty op.
    pub fn all_plans(
        architecture: &Architecture,
        test: Images,
        config: &Config,
    ) -> Result<[Plan; 2]> {
        Ok(Self::plans(architecture, test, config)?.map(|(plan, _)| plan))
    }

    /// Loads the plans, by the settings' fusion and averages. `test` is the set of images to
    /// reconstruct, of `size` each. The samples of a model with labels are divided evenly among them.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn load(
        session: &mut dyn Session,
        architecture: &Architecture,
        test: Images,
        size: Size,
        config: &Config,
    ) -> Result<Self> {
        let [reconstruction, prior] = Self::plans(architecture, test, config)?;
        let reconstruction = Loaded::new(session, reconstruction)?;
        let prior = Loaded::new(session, prior)?;
        let classes = architecture.labels().len();
        if classes > 0 {
            let labels = Matrix::one_hot(&architecture.labels_in_turn(2 * PER_BAND), classes)?;
            session.write(DECODER_LABELS, Values::F32(labels.values()))?;
        }
        Ok(Self { reconstruction, prior, size })
    }

    /// Draws `reconstructions`, of the first test images, and `samples`. Their noise is that of
    /// `step`, and the weights do not change.
    ///
    /// # Errors
    /// If the device fails or a picture cannot be drawn.
    pub fn draw(&self, session: &mut dyn Session, step: Step, when: &str) -> Result<Vec<Drawing>> {
        let read = |session: &mut dyn Session, program, tensor| -> Result<Vec<f32>> {
            let values = session.read_output_f32(program, tensor)?;
            // A driver may round a pixel of 255 up past 1.
            Ok(values.into_iter().map(|value| value.clamp(0.0, 1.0)).collect())
        };
        let mut drawings = Vec::new();
        for (name, title, names, loaded) in [
            (
                "reconstructions",
                format!("Test images, {when}"),
                ["Original", "Posterior sample", "Probabilities"],
                self.reconstruction,
            ),
            (
                "samples",
                format!("Samples of the prior, {when}"),
                ["", "Prior sample", "Probabilities"],
                self.prior,
            ),
        ] {
            session.run(loaded.program, &[step])?;
            let Drawn { x, sample, probabilities, .. } = loaded.drawn;
            let tensors = [x, Some(sample), Some(probabilities)];
            let mut lines = Vec::new();
            for (caption, tensor) in names.into_iter().zip(tensors) {
                if let Some(tensor) = tensor {
                    lines.push((caption, read(session, loaded.program, tensor)?));
                }
            }
            let rows: Vec<_> =
                lines.iter().map(|(caption, images)| Row { caption, images }).collect();
            let (height, width) = (self.size.rows(), self.size.columns());
            let draw = |title: &str, lines: &[Row]| {
                let size = (height, width);
                let tiles = Tiles { title, size, per_band: PER_BAND, lines, ..Tiles::default() };
                tiles_png(Path::new(name), &tiles)
            };
            let plain: Vec<_> = rows.iter().map(|row| Row { caption: "", ..*row }).collect();
            let captions: Vec<_> = rows.iter().map(|row| row.caption).collect();
            drawings.push(Drawing {
                name,
                lines: format!("From top to bottom: {}", captions.join(", ").to_lowercase()),
                png: draw(&title, &rows)?,
                tiles: draw("", &plain)?,
            });
        }
        Ok(drawings)
    }
}
