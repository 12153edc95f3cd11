//! The marks of a class's points: a colour, and beyond ten classes a shape too.

use plotters::prelude::{Circle, Cross, PathElement, Polygon, RGBColor};
use plotters::style::{Color, HSLColor};

use super::picture::{Area, Drawn, OVERSAMPLE};

/// Ten of the twenty-two colours of maximum contrast of Kenneth Kelly (Color Engineering 3:26, 1965),
/// those that lie farthest apart on white, for the colour-blind too: purple, reddish orange, light
/// blue, olive, red, greenish yellow, blue, pink, green and buff.
const COLOURS: [RGBColor; 10] = [
    RGBColor(0x87, 0x56, 0x92),
    RGBColor(0xe2, 0x58, 0x22),
    RGBColor(0xa1, 0xca, 0xf1),
    RGBColor(0x2b, 0x3d, 0x26),
    RGBColor(0xbe, 0x00, 0x32),
    RGBColor(0xdc, 0xd3, 0x00),
    RGBColor(0x00, 0x67, 0xa5),
    RGBColor(0xe6, 0x8f, 0xac),
    RGBColor(0x00, 0x88, 0x56),
    RGBColor(0xc2, 0xb2, 0x80),
];

/// The shape of ten classes.
#[derive(Clone, Copy)]
enum Shape {
    Disc,
    Cross,
    Square,
    Ring,
    Triangle,
    Plus,
    Diamond,
}

const SHAPES: [Shape; 7] = [
    Shape::Disc,
    Shape::Cross,
    Shape::Square,
    Shape::Ring,
    Shape::Triangle,
    Shape::Plus,
    Shape::Diamond,
];

/// The number of classes with distinct marks; more have hues of the rainbow, in their order.
pub(super) const MOST_MARKS: usize = SHAPES.len() * COLOURS.len();

/// With more classes than this, marks alone are hard to distinguish.
pub(super) const EASY_MARKS: usize = 2 * COLOURS.len();

/// The mark of a class.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    colour: RGBColor,
    shape: Shape,
}

impl Mark {
    /// The mark of `class`, counted from 0, of `classes` classes.
    pub(super) fn of(class: usize, classes: usize) -> Self {
        if classes <= MOST_MARKS {
            let colour = COLOURS[class % COLOURS.len()];
            return Self { colour, shape: SHAPES[class / COLOURS.len() % SHAPES.len()] };
        }
        // From red to violet: beyond that, hues return to red.
        let hue = 0.8 * class as f64 / classes as f64;
        let (red, green, blue) = HSLColor(hue, 0.85, 0.45).to_backend_color().rgb;
        Self { colour: RGBColor(red, green, blue), shape: Shape::Disc }
    }

    /// Draws a mark that extends `reach` from its middle, in pixels of the enlarged drawing.
    pub(super) fn draw(&self, area: &Area, at: (i32, i32), reach: i32, opacity: f64) -> Drawn {
        let colour = self.colour.mix(opacity);
        let stroke = colour.stroke_width(OVERSAMPLE);
        let polygon = |corners: &[(i32, i32)]| {
            Polygon::new(
                corners.iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect::<Vec<_>>(),
                colour,
            )
        };
        match self.shape {
            Shape::Disc => area.draw(&Circle::new(at, reach, colour.filled()))?,
            Shape::Cross => area.draw(&Cross::new(at, reach, stroke))?,
            Shape::Square => {
                area.draw(&polygon(&[
                    (-reach, -reach),
                    (reach, -reach),
                    (reach, reach),
                    (-reach, reach),
                ]))?;
            }
            Shape::Ring => area.draw(&Circle::new(at, reach, stroke))?,
            Shape::Triangle => {
                area.draw(&polygon(&[(-reach, reach), (reach, reach), (0, -reach)]))?;
            }
            Shape::Plus => {
                let (x, y) = at;
                area.draw(&PathElement::new([(x - reach, y), (x + reach, y)], stroke))?;
                area.draw(&PathElement::new([(x, y - reach), (x, y + reach)], stroke))?;
            }
            Shape::Diamond => {
                area.draw(&polygon(&[(-reach, 0), (0, -reach), (reach, 0), (0, reach)]))?;
            }
        }
        Ok(())
    }
}
