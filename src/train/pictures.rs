//! The pictures of a run: reconstructions of test images, and samples of the prior.

use super::RunFolder;
use crate::Result;
use crate::data::Size;
use crate::device::{ProgramId, Session};
use crate::graph::Plan;
use crate::kernel::Step;
use crate::model::{Architecture, Drawn, Images, prior_predictive, reconstruction};
use crate::report::{Row, tiles};

/// Images side by side.
const PER_BAND: usize = 10;

/// The plans that draw, loaded before training so that nothing is made afterwards.
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
    /// Loads the plans, their ops fused or as they are. `test` are the images to reconstruct from,
    /// of `size` each.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn load(
        session: &mut dyn Session,
        architecture: &Architecture,
        test: Images,
        size: Size,
        fused: bool,
    ) -> Result<Self> {
        let test = Images { batch: PER_BAND.min(test.count), ..test };
        let reconstruction = Loaded::new(session, reconstruction(architecture, test, fused)?)?;
        let prior = Loaded::new(session, prior_predictive(architecture, 2 * PER_BAND, fused)?)?;
        Ok(Self { reconstruction, prior, size })
    }

    /// Draws `reconstructions.png`, the first test images, and `samples.png`.
    ///
    /// # Errors
    /// If the device fails or a file cannot be written.
    pub fn draw(
        &self,
        session: &mut dyn Session,
        folder: &RunFolder,
        step: Step,
        when: &str,
    ) -> Result<()> {
        let read = |session: &mut dyn Session, program, tensor| -> Result<Vec<f32>> {
            let values = session.read_output(program, tensor)?;
            // A driver may round a pixel of 255 up past 1.
            Ok(values.into_iter().map(|value| value.clamp(0.0, 1.0) as f32).collect())
        };
        for (file, title, names, loaded) in [
            (
                "reconstructions.png",
                format!("Test images, {when}"),
                ["Original", "Posterior sample", "Probabilities"],
                self.reconstruction,
            ),
            (
                "samples.png",
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
            tiles(
                &folder.file(file),
                &title,
                self.size.rows(),
                self.size.columns(),
                PER_BAND,
                &rows,
            )?;
        }
        Ok(())
    }
}
