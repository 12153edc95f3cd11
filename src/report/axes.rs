//! The frame of a plot: grid, ticks, axis names, and the pixel of a point within it. The plotted
//! content is left to [`panel`](super::panel) and [`scatter`](super::scatter).

use std::path::Path;

use plotters::prelude::{IntoFont, PathElement, RGBColor, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, TextStyle};

use super::picture::{Area, Drawn, INK, OVERSAMPLE, TEXT, drop_to_centre, font, text_width};
use super::scale::{Scale, label};
use crate::Result;

const GRID: RGBColor = RGBColor(224, 224, 224);
const FRAME: RGBColor = RGBColor(128, 128, 128);
/// The length of a tick outside the frame.
const TICK: u32 = 4;
/// Gap between the frame and a tick's label, and between that and the axis's name.
const LABEL_GAP: u32 = 8;
/// Distance between the lines of an upright name.
const NAME_LINE: u32 = 22;
/// The maximum number of ticks of an axis, and the pixels that each needs along it.
const MOST_TICKS: f64 = 10.0;
const TICK_ACROSS: u32 = 64;
const TICK_UP: u32 = 28;

/// The height of labels and name below a frame whose horizontal axis has a name.
pub(super) const ROOM_BELOW: u32 = 52;

/// Scale, ticks and name of one side of a frame.
pub(super) struct Axis {
    pub(super) scale: Scale,
    /// Distance between ticks.
    pub(super) step: f64,
    /// The lines of the axis's name; if there are none, the ticks have no labels either.
    name: Vec<&'static str>,
    labels: Labels,
}

/// The kind of tick labels.
#[derive(Clone, Copy)]
enum Labels {
    /// The value.
    Numbers,
    /// Ten to the power of the value, except 0 at the value `zero`.
    Powers { zero: Option<f64> },
}

impl Axis {
    /// An axis from left to right of a frame `width` pixels wide; ticks are at least `least` apart.
    pub(super) fn across(scale: Scale, width: u32, least: f64, name: Vec<&'static str>) -> Self {
        let step = scale.step(most_ticks(width, TICK_ACROSS), least);
        Self { scale, step, name, labels: Labels::Numbers }
    }

    /// An axis from bottom to top of a frame `height` pixels high; ticks are at least `least`
    /// apart.
    pub(super) fn up(scale: Scale, height: u32, least: f64, name: Vec<&'static str>) -> Self {
        let step = scale.step(most_ticks(height, TICK_UP), least);
        Self { scale, step, name, labels: Labels::Numbers }
    }

    /// Like [`up`](Self::up), for values that are exponents of ten, except `zero`, which is below
    /// all others: its tick has the label 0.
    pub(super) fn powers(
        scale: Scale,
        height: u32,
        zero: Option<f64>,
        name: Vec<&'static str>,
    ) -> Self {
        Self { labels: Labels::Powers { zero }, ..Self::up(scale, height, 1.0, name) }
    }

    /// The width in pixels of labels and name to the left of a frame.
    pub(super) fn room_beside(&self, path: &Path) -> Result<u32> {
        let mut widest = 0;
        for (_, label) in self.ticks() {
            widest = widest.max(text_width(path, &label, TEXT)?);
        }
        Ok(self.name.len() as u32 * NAME_LINE + widest + 2 * LABEL_GAP)
    }

    /// The ticks' values and labels.
    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let mut ticks = self.scale.ticks(self.step);
        if let Labels::Powers { zero: Some(zero) } = self.labels {
            // This leaves space for the labels of two ticks.
            ticks.retain(|&tick| tick > zero + 0.75 * self.step);
            ticks.insert(0, zero);
        }
        ticks.into_iter().map(|value| (value, self.label(value)))
    }

    fn label(&self, value: f64) -> String {
        match self.labels {
            _ if self.name.is_empty() => String::new(),
            Labels::Numbers => label(value, self.step),
            Labels::Powers { zero: Some(zero) } if value <= zero => "0".to_owned(),
            Labels::Powers { .. } => power(value),
        }
    }
}

/// Formats the power of ten with this whole exponent.
fn power(exponent: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |sign: char| match sign.to_digit(10) {
        Some(digit) => DIGITS[digit as usize],
        None => '⁻',
    };
    format!("10{}", format!("{exponent:.0}").chars().map(raised).collect::<String>())
}

fn most_ticks(length: u32, room: u32) -> f64 {
    (f64::from(length) / f64::from(room)).clamp(1.0, MOST_TICKS)
}

/// A plot's frame and its axes.
pub(super) struct Axes {
    /// Left and right edge of the frame, in pixels of the picture.
    pub(super) across: (u32, u32),
    /// Upper and lower edge of the frame, in pixels of the picture.
    pub(super) down: (u32, u32),
    pub(super) horizontal: Axis,
    pub(super) vertical: Axis,
    /// The left edge of the vertical axis's name, in pixels of the picture.
    pub(super) name_left: u32,
}

impl Axes {
    /// The pixel of a point in the enlarged drawing.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let along = |scale: Scale, value: f64, (from, to): (u32, u32)| {
            let fraction = (value - scale.low) / (scale.high - scale.low);
            let (from, to) = (enlarged(from), enlarged(to));
            from + (f64::from(to - from) * fraction).round() as i32
        };
        (
            along(self.horizontal.scale, x, self.across),
            along(self.vertical.scale, y, (self.down.1, self.down.0)),
        )
    }

    /// Draws everything except the plotted content.
    pub(super) fn draw(&self, area: &Area) -> Drawn {
        let ((left, right), (top, bottom)) = self.edges();
        let (grid, frame) = (GRID.stroke_width(OVERSAMPLE), FRAME.stroke_width(OVERSAMPLE));
        let (gap, tick) = (enlarged(LABEL_GAP), enlarged(TICK));
        for (value, label) in self.vertical.ticks() {
            let y = self.at((self.horizontal.scale.low, value)).1;
            area.draw(&PathElement::new([(left, y), (right, y)], grid))?;
            area.draw(&PathElement::new([(left - tick, y), (left, y)], frame))?;
            let middle = y + drop_to_centre(TEXT * OVERSAMPLE);
            area.draw_text(&label, &style(HPos::Right), (left - gap, middle))?;
        }
        for (value, label) in self.horizontal.ticks() {
            let x = self.at((value, self.vertical.scale.low)).0;
            area.draw(&PathElement::new([(x, top), (x, bottom)], grid))?;
            if !label.is_empty() {
                area.draw(&PathElement::new([(x, bottom), (x, bottom + tick)], frame))?;
                area.draw_text(&label, &style(HPos::Center), (x, bottom + gap))?;
            }
        }
        area.draw(&Rectangle::new([(left, top), (right, bottom)], frame))?;
        self.draw_names(area)
    }

    fn draw_names(&self, area: &Area) -> Drawn {
        let ((left, right), (top, bottom)) = self.edges();
        let below = bottom + enlarged(2 * LABEL_GAP + TEXT);
        for name in &self.horizontal.name {
            area.draw_text(name, &style(HPos::Center), ((left + right) / 2, below))?;
        }
        let upwards = style(HPos::Center).transform(FontTransform::Rotate270);
        for (line, name) in (0..).zip(&self.vertical.name) {
            let beside = enlarged(self.name_left + line * NAME_LINE);
            area.draw_text(name, &upwards, (beside, (top + bottom) / 2))?;
        }
        Ok(())
    }

    /// The frame in the enlarged drawing: left and right, top and bottom.
    fn edges(&self) -> ((i32, i32), (i32, i32)) {
        let enlarge = |(from, to)| (enlarged(from), enlarged(to));
        (enlarge(self.across), enlarge(self.down))
    }
}

fn style(horizontal: HPos) -> TextStyle<'static> {
    font(TEXT * OVERSAMPLE).into_font().color(&INK).pos(Pos::new(horizontal, VPos::Top))
}

/// Converts a length in the picture to a length in the enlarged drawing.
pub(super) fn enlarged(length: u32) -> i32 {
    (length * OVERSAMPLE) as i32
}
