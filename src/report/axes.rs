//! The frame of a plot: grid, ticks, names of the axes, and where a point lies within it. All
//! lengths are those of the enlarged drawing, [`OVERSAMPLE`] times those of the picture. What is
//! plotted is left to [`curve`](super::curve).

use plotters::prelude::{IntoFont, PathElement, RGBColor, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, TextStyle};

use super::picture::{Area, Drawn, INK, OVERSAMPLE, drop_to_centre, font};
use super::scale::{Scale, label};

const GRID: RGBColor = RGBColor(224, 224, 224);
const FRAME: RGBColor = RGBColor(128, 128, 128);
/// Between the frame and a tick's label.
const LABEL_GAP: u32 = 8;

/// A plot's frame and the ranges that it shows.
pub(super) struct Axes {
    /// Left and right edge of the frame.
    pub(super) across: (i32, i32),
    /// Upper and lower edge of the frame.
    pub(super) down: (i32, i32),
    /// The epochs from left to right.
    pub(super) epochs: Scale,
    /// The ELBO from bottom to top.
    pub(super) values: Scale,
    /// The size of the text.
    pub(super) text: u32,
}

impl Axes {
    /// The pixel of a point.
    pub(super) fn at(&self, (epoch, value): (f64, f64)) -> (i32, i32) {
        let along = |scale: Scale, value: f64, (from, to): (i32, i32)| {
            let fraction = (value - scale.low) / (scale.high - scale.low);
            from + (f64::from(to - from) * fraction).round() as i32
        };
        (
            along(self.epochs, epoch, self.across),
            along(self.values, value, (self.down.1, self.down.0)),
        )
    }

    /// Draws all but the curves.
    pub(super) fn draw(&self, area: &Area) -> Drawn {
        let ((left, right), (top, bottom)) = (self.across, self.down);
        let grid = GRID.stroke_width(OVERSAMPLE);
        let gap = enlarged(LABEL_GAP);
        let middle = drop_to_centre(self.text);
        let step = self.values.step(0.0);
        for value in self.values.ticks(step) {
            let y = self.at((self.epochs.low, value)).1;
            area.draw(&PathElement::new([(left, y), (right, y)], grid))?;
            let style = self.style(HPos::Right);
            area.draw_text(&label(value, step), &style, (left - gap, y + middle))?;
        }
        let step = self.epochs.step(1.0);
        for epoch in self.epochs.ticks(step) {
            let x = self.at((epoch, self.values.low)).0;
            area.draw(&PathElement::new([(x, top), (x, bottom)], grid))?;
            area.draw_text(&format!("{epoch}"), &self.style(HPos::Center), (x, bottom + gap))?;
        }
        let frame = Rectangle::new([(left, top), (right, bottom)], FRAME.stroke_width(OVERSAMPLE));
        area.draw(&frame)?;
        self.draw_names(area)
    }

    fn draw_names(&self, area: &Area) -> Drawn {
        let ((left, right), (top, bottom)) = (self.across, self.down);
        let below = bottom + 2 * enlarged(LABEL_GAP) + self.text as i32;
        area.draw_text("epoch", &self.style(HPos::Center), ((left + right) / 2, below))?;
        let upwards = self.style(HPos::Center).transform(FontTransform::Rotate270);
        area.draw_text("ELBO (nats per image)", &upwards, (enlarged(20), (top + bottom) / 2))?;
        Ok(())
    }

    fn style(&self, horizontal: HPos) -> TextStyle<'static> {
        font(self.text).into_font().color(&INK).pos(Pos::new(horizontal, VPos::Top))
    }
}

/// A length of the picture as a length of the drawing.
pub(super) fn enlarged(length: u32) -> i32 {
    (length * OVERSAMPLE) as i32
}
