//! How lines look: they differ in colour, dash and marker, so that they are told apart without
//! colour too. The two of each panel are those of training and of the test set.

use plotters::element::DashedPathElement;
use plotters::prelude::{Circle, PathElement, Polygon, RGBColor};
use plotters::style::{Color, ShapeStyle};

use super::EpochPoint;
use super::axes::enlarged;
use super::picture::{Area, Drawn, OVERSAMPLE};
use crate::eval::Measures;

/// The length of a sample in the legend.
pub(super) const SAMPLE: u32 = 44;

/// How a line looks. Colours: Okabe and Ito's, safe for the colour-blind.
#[derive(Clone, Copy)]
pub(super) struct Stroke {
    pub(super) colour: RGBColor,
    dashed: bool,
}

/// A solid line with discs.
pub(super) const SOLID: Stroke = Stroke { colour: RGBColor(0, 114, 178), dashed: false };
/// A dashed one with squares.
pub(super) const DASHED: Stroke = Stroke { colour: RGBColor(213, 94, 0), dashed: true };

/// Single batches, in a lighter shade of [`SOLID`].
const LIGHT: RGBColor = RGBColor(163, 205, 228);

/// Draws a thin line through places of the enlarged drawing, for noisy values.
pub(super) fn draw_light(area: &Area, places: Vec<(i32, i32)>) -> Drawn {
    draw_thin(area, places, LIGHT)
}

/// Draws a thin line through places of the enlarged drawing, to mark a change of settings.
pub(super) fn draw_change(area: &Area, places: Vec<(i32, i32)>) -> Drawn {
    draw_thin(area, places, RGBColor(150, 150, 150))
}

fn draw_thin(area: &Area, places: Vec<(i32, i32)>, colour: RGBColor) -> Drawn {
    Ok(area.draw(&PathElement::new(places, colour.stroke_width(OVERSAMPLE)))?)
}

/// A mark that is no measurement.
const AUXILIARY: RGBColor = RGBColor(80, 80, 80);

/// A thin dashed line in the enlarged drawing, for what is no measurement.
pub(super) fn draw_dashed(area: &Area, from: (i32, i32), to: (i32, i32)) -> Drawn {
    let style = AUXILIARY.stroke_width(OVERSAMPLE + OVERSAMPLE / 2);
    Ok(area.draw(&DashedPathElement::new(vec![from, to], enlarged(4), enlarged(3), style))?)
}

/// One line of each panel.
pub(super) struct Line {
    pub(super) name: &'static str,
    /// When its values are measured.
    pub(super) when: &'static str,
    pub(super) stroke: Stroke,
    pub(super) measures: fn(&EpochPoint) -> &Measures,
}

pub(super) const LINES: [Line; 2] = [
    Line {
        name: "train",
        when: "mean over the batches of the epoch, each before its update",
        stroke: SOLID,
        measures: |p| &p.train,
    },
    Line { name: "test", when: "after the epoch", stroke: DASHED, measures: |p| &p.test },
];

impl Stroke {
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

    /// A ring around a marker.
    pub(super) fn draw_ring(&self, area: &Area, place: (i32, i32)) -> Drawn {
        let style = self.colour.stroke_width(2 * OVERSAMPLE);
        Ok(area.draw(&Circle::new(place, enlarged(8), style))?)
    }

    /// A piece of the line and its marker, for the legend.
    pub(super) fn draw_sample(&self, area: &Area, (left, middle): (u32, u32)) -> Drawn {
        let (left, middle) = (enlarged(left), enlarged(middle));
        self.draw(area, vec![(left, middle), (left + enlarged(SAMPLE), middle)])?;
        self.draw_marker(area, (left + enlarged(SAMPLE) / 2, middle))
    }
}
