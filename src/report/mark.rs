//! How the points of a class look: a colour, and past ten classes a shape too.

use plotters::prelude::{Circle, Cross, RGBColor};
use plotters::style::{Color, HSLColor};

use super::picture::{Area, Drawn, OVERSAMPLE};

/// Petroff's ten for plots, told apart by the colour-blind too (arXiv:2107.02270).
const COLOURS: [RGBColor; 10] = [
    RGBColor(0x3f, 0x90, 0xda),
    RGBColor(0xff, 0xa9, 0x0e),
    RGBColor(0xbd, 0x1f, 0x01),
    RGBColor(0x94, 0xa4, 0xa2),
    RGBColor(0x83, 0x2d, 0xb6),
    RGBColor(0xa9, 0x6b, 0x59),
    RGBColor(0xe7, 0x63, 0x00),
    RGBColor(0xb9, 0xac, 0x70),
    RGBColor(0x71, 0x75, 0x81),
    RGBColor(0x92, 0xda, 0xdd),
];

/// So many classes have marks of their own; more are shades of the rainbow, in their order.
pub(super) const MOST_MARKS: usize = 2 * COLOURS.len();

/// The look of a class.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    colour: RGBColor,
    crossed: bool,
}

impl Mark {
    /// That of `class`, one of so many.
    pub(super) fn of(class: usize, classes: usize) -> Self {
        if classes <= MOST_MARKS {
            let colour = COLOURS[class % COLOURS.len()];
            return Self { colour, crossed: class >= COLOURS.len() };
        }
        // From red to violet: beyond that it would be red again.
        let hue = 0.8 * class as f64 / classes as f64;
        let (red, green, blue) = HSLColor(hue, 0.85, 0.45).to_backend_color().rgb;
        Self { colour: RGBColor(red, green, blue), crossed: false }
    }

    /// A disc or a cross, `reach` from its middle to its ends in pixels of the enlarged drawing.
    pub(super) fn draw(&self, area: &Area, at: (i32, i32), reach: i32, opacity: f64) -> Drawn {
        let colour = self.colour.mix(opacity);
        if self.crossed {
            area.draw(&Cross::new(at, reach, colour.stroke_width(OVERSAMPLE)))?;
        } else {
            area.draw(&Circle::new(at, reach, colour.filled()))?;
        }
        Ok(())
    }
}
