//! The two lines of each panel, of training and of the test set: they differ in colour, dash and
//! marker, so that they are told apart without colour too.

use plotters::element::DashedPathElement;
use plotters::prelude::{Circle, PathElement, Polygon, RGBColor};
use plotters::style::{Color, ShapeStyle};

use super::EpochPoint;
use super::axes::enlarged;
use super::picture::{Area, Drawn, OVERSAMPLE};
use crate::eval::Measures;

/// The length of a sample in the legend.
pub(super) const SAMPLE: u32 = 44;

/// One line of each panel and how it looks. Colours: Okabe and Ito's, safe for the colour-blind.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) colour: RGBColor,
    dashed: bool,
    pub(super) measures: fn(&EpochPoint) -> &Measures,
}

pub(super) const LINES: [Line; 2] = [
    Line { name: "train", colour: RGBColor(0, 114, 178), dashed: false, measures: |p| &p.train },
    Line { name: "test", colour: RGBColor(213, 94, 0), dashed: true, measures: |p| &p.test },
];

impl Line {
    /// Through places of the enlarged drawing.
    pub(super) fn draw(&self, area: &Area, places: Vec<(i32, i32)>) -> Drawn {
        let style =
            ShapeStyle { color: self.colour.into(), filled: false, stroke_width: 2 * OVERSAMPLE };
        if self.dashed {
            area.draw(&DashedPathElement::new(places, enlarged(7), enlarged(4), style))?;
        } else {
            area.draw(&PathElement::new(places, style))?;
        }
        Ok(())
    }

    /// A disc on a solid line, a square on a dashed one.
    pub(super) fn draw_marker(&self, area: &Area, (x, y): (i32, i32)) -> Drawn {
        if self.dashed {
            let reach = enlarged(3);
            let corners = [(-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)];
            let corners = corners.map(|(right, down)| (x + right, y + down)).to_vec();
            area.draw(&Polygon::new(corners, self.colour))?;
        } else {
            area.draw(&Circle::new((x, y), enlarged(4), self.colour.filled()))?;
        }
        Ok(())
    }

    /// A piece of the line and its marker, for the legend.
    pub(super) fn draw_sample(&self, area: &Area, (left, middle): (u32, u32)) -> Drawn {
        let (left, middle) = (enlarged(left), enlarged(middle));
        self.draw(area, vec![(left, middle), (left + enlarged(SAMPLE), middle)])?;
        self.draw_marker(area, (left + enlarged(SAMPLE) / 2, middle))
    }
}
