//! The legend of an ELBO chart: two lines of samples with names.

use std::path::Path;

use super::EpochPoint;
use super::axes::enlarged;
use super::line::{DASHED, LINES, SAMPLE, Stroke, draw_dashed, draw_light};
use super::panel::number;
use super::picture::{Area, Drawn, Picture, TEXT, text_width};
use crate::Result;
use crate::data::HeldOut;

/// Gaps between a sample and its name, and between a name and the next sample.
const NAME_GAP: u32 = 10;
const ENTRY_GAP: u32 = 32;

enum Sample {
    Line(Stroke),
    /// The line of single batches.
    Light,
    /// The mark of the best epoch.
    Mark,
}

/// The legend of an ELBO chart.
pub(super) struct Key([Vec<(Sample, String)>; 2]);

impl Key {
    /// The height of a line in pixels.
    pub(super) const LINE: u32 = 24;

    pub(super) fn new(held_out: HeldOut, best: Option<&EpochPoint>, has_steps: bool) -> Self {
        let of_line = |line: &super::line::Line| {
            (Sample::Line(line.stroke), format!("{}: {}", line.name(held_out), line.when))
        };
        let mut marks = Vec::new();
        if has_steps {
            marks.push((Sample::Light, "single batches of training".to_owned()));
        }
        if let Some(EpochPoint { epoch, test, .. }) = best {
            let elbo = number(test.elbo);
            marks.push((
                Sample::Mark,
                format!("best {} ELBO: {elbo} after epoch {epoch}", held_out.name()),
            ));
        }
        Self([LINES.iter().map(of_line).collect(), marks])
    }

    /// The width in pixels of the wider line.
    pub(super) fn width(&self, path: &Path) -> Result<u32> {
        let mut width = 0;
        for (_, name, left, _) in self.places(path, (0, 0))? {
            width = width.max(left + SAMPLE + NAME_GAP + text_width(path, name, TEXT)?);
        }
        Ok(width)
    }

    /// Draws the samples; `corner` is the left and top of the legend in pixels of the picture.
    pub(super) fn draw_samples(&self, path: &Path, area: &Area, corner: (u32, u32)) -> Drawn {
        for (sample, _, left, middle) in self.places(path, corner)? {
            let (from, y) = (enlarged(left), enlarged(middle));
            let to = from + enlarged(SAMPLE);
            match sample {
                Sample::Line(stroke) => stroke.draw_sample(area, (left, middle))?,
                Sample::Light => draw_light(area, vec![(from, y), (to, y)])?,
                Sample::Mark => {
                    draw_dashed(area, (from, y), (to, y))?;
                    DASHED.draw_ring(area, ((from + to) / 2, y))?;
                }
            }
        }
        Ok(())
    }

    /// Writes the names.
    pub(super) fn write(&self, picture: &mut Picture, corner: (u32, u32)) -> Result<()> {
        for (_, name, left, middle) in self.places(picture.path(), corner)? {
            picture.write(name, TEXT, left + SAMPLE + NAME_GAP, middle)?;
        }
        Ok(())
    }

    /// Each entry with the left edge and the middle of its sample.
    fn places(&self, path: &Path, corner: (u32, u32)) -> Result<Vec<(&Sample, &str, u32, u32)>> {
        let mut places = Vec::new();
        let mut middle = corner.1 + Self::LINE / 2;
        for line in &self.0 {
            let mut left = corner.0;
            for (sample, name) in line {
                places.push((sample, name.as_str(), left, middle));
                left += SAMPLE + NAME_GAP + text_width(path, name, TEXT)? + ENTRY_GAP;
            }
            middle += Self::LINE;
        }
        Ok(places)
    }
}
