//! The style of lines: they differ in colour, dash and marker, so that they can be distinguished
//! without colour. Each panel has two, for training and held-out images.

use plotters::element::DashedPathElement;
use plotters::prelude::{Circle, PathElement, Polygon, RGBColor};
use plotters::style::{Color, ShapeStyle};

use super::EpochPoint;
use super::axes::enlarged;
use super::picture::{Area, Drawn, OVERSAMPLE};
use crate::data::HeldOut;
use crate::eval::Measures;

/// The length of a sample in the legend.
pub(super) const SAMPLE: u32 = 44;

/// The style of a line. Colours: Okabe and Ito's, safe for the colour-blind.
#[derive(Clone, Copy)]
pub(super) struct Stroke {
    pub(super) colour: RGBColor,
    dashed: bool,
}

/// A solid line with discs.
pub(super) const SOLID: Stroke = Stroke { colour: RGBColor(0, 114, 178), dashed: false };
/// A dashed line with squares.
pub(super) const DASHED: Stroke = Stroke { colour: RGBColor(213, 94, 0), dashed: true };

/// The colour of single batches, a lighter shade of [`SOLID`].
const LIGHT: RGBColor = RGBColor(163, 205, 228);

/// Draws a thin line through points of the enlarged drawing, for noisy values.
pub(super) fn draw_light(area: &Area, places: Vec<(i32, i32)>) -> Drawn {
    draw_thin(area, places, LIGHT)
}

/// Draws a thin line through points of the enlarged drawing, for a change of settings.
pub(super) fn draw_change(area: &Area, places: Vec<(i32, i32)>) -> Drawn {
    draw_thin(area, places, RGBColor(150, 150, 150))
}

fn draw_thin(area: &Area, places: Vec<(i32, i32)>, colour: RGBColor) -> Drawn {
    Ok(area.draw(&PathElement::new(places, colour.stroke_width(OVERSAMPLE)))?)
}

/// The colour of lines that are not measurements.
const AUXILIARY: RGBColor = RGBColor(80, 80, 80);

/// Draws a thin dashed line in the enlarged drawing, for lines that are not measurements.
pub(super) fn draw_dashed(area: &Area, from: (i32, i32), to: (i32, i32)) -> Drawn {
    let style = AUXILIARY.stroke_width(OVERSAMPLE + OVERSAMPLE / 2);
    Ok(area.draw(&DashedPathElement::new(vec![from, to], enlarged(4), enlarged(3), style))?)
}

/// One line of each panel.
pub(super) struct Line {
    /// None for the held-out images.
    name: Option<&'static str>,
    /// When the values are measured.
    pub(super) when: &'static str,
    pub(super) stroke: Stroke,
    pub(super) measures: fn(&EpochPoint) -> &Measures,
}

pub(super) const LINES: [Line; 2] = [
    Line {
        name: Some("train"),
        when: "mean over the batches of the epoch, each before its update",
        stroke: SOLID,
        measures: |p| &p.train,
    },
    Line { name: None, when: "after the epoch", stroke: DASHED, measures: |p| &p.test },
];

impl Line {
    /// Returns the name of its images.
    pub(super) fn name(&self, held_out: HeldOut) -> &'static str {
        self.name.unwrap_or(held_out.name())
    }
}

impl Stroke {
    /// Draws a line through points of the enlarged drawing.
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

    /// Draws a disc on a solid line, a square on a dashed one.
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

    /// Draws a ring around a marker.
    pub(super) fn draw_ring(&self, area: &Area, place: (i32, i32)) -> Drawn {
        let style = self.colour.stroke_width(2 * OVERSAMPLE);
        Ok(area.draw(&Circle::new(place, enlarged(8), style))?)
    }

    /// Draws a piece of the line and its marker, for the legend.
    pub(super) fn draw_sample(&self, area: &Area, (left, middle): (u32, u32)) -> Drawn {
        let (left, middle) = (enlarged(left), enlarged(middle));
        self.draw(area, vec![(left, middle), (left + enlarged(SAMPLE), middle)])?;
        self.draw_marker(area, (left + enlarged(SAMPLE) / 2, middle))
    }
}
