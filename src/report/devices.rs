//! The ELBO of the same steps on two devices, and below it their relative difference.

use std::path::Path;

use super::axes::{Axes, Axis, ROOM_BELOW, enlarged};
use super::line::{DASHED, SAMPLE, SOLID, Stroke, draw_dashed};
use super::picture::{MARGIN, Picture, TEXT, TITLE, failure, text_height, text_width};
use super::scale::Scale;
use crate::Result;

/// The minimum width of the picture.
const WIDTH: u32 = 1000;
/// The upper edge of the legend, and the height of a line.
const LEGEND: u32 = 56;
const LEGEND_LINE: u32 = 24;
/// Gap between a sample of the legend and its name.
const NAME_GAP: u32 = 10;
/// The upper edge of the first frame: above it are the title and the legend.
const TOP: u32 = LEGEND + 3 * LEGEND_LINE + 8;
const ELBO_HEIGHT: u32 = 300;
const DIFFERENCE_HEIGHT: u32 = 200;
const GAP: u32 = 24;
/// The exponent that is shown if there is none.
const NO_EXPONENT: f64 = -7.0;

/// Draws the ELBO of steps 1, 2, … on two devices, in nats per image, as two lines, and below it
/// the relative difference by powers of ten, with `tolerance` as a dashed line; writes the plot to
/// `path` as a PNG. Equal values are drawn below all others, at a tick with the label 0.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no steps, if their numbers differ, or if
/// a value is not finite; [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn device_curves(
    path: &Path,
    title: &str,
    names: [&str; 2],
    elbo: [&[f64]; 2],
    tolerance: f64,
) -> Result<()> {
    let [one, other] = elbo;
    if one.is_empty() || one.len() != other.len() {
        let message = format!("expected as many steps, found {} and {}", one.len(), other.len());
        return Err(failure(path, message));
    }
    if let Some(value) = one.iter().chain(other).chain([&tolerance]).find(|v| !v.is_finite()) {
        return Err(failure(path, format!("expected finite numbers, found {value}")));
    }
    let differences = Differences::new(elbo, tolerance);
    let legend = [names[0], names[1], &format!("largest difference allowed: {tolerance:e}")]
        .map(str::to_owned);
    let mut width = WIDTH.max(text_width(path, title, TITLE)? + 2 * MARGIN);
    for entry in &legend {
        width = width.max(SAMPLE + NAME_GAP + text_width(path, entry, TEXT)? + 2 * MARGIN);
    }
    let frames = frames(path, width, elbo, &differences)?;
    let [above, below] = &frames;
    let mut picture = Picture::blank(path, (width, below.down.1 + ROOM_BELOW + MARGIN))?;
    let place = |index: usize| (MARGIN, LEGEND + index as u32 * LEGEND_LINE + LEGEND_LINE / 2);
    picture.plot(|area| {
        for axes in &frames {
            axes.draw(area)?;
        }
        let draw = |axes: &Axes, stroke: Stroke, values: &[f64]| {
            let places = (1..).zip(values).map(|(step, &y)| axes.at((f64::from(step), y)));
            stroke.draw(area, places.collect())
        };
        draw(above, SOLID, one)?;
        draw(above, DASHED, other)?;
        let level = |x: f64| below.at((x, differences.tolerance));
        let steps = below.horizontal.scale;
        draw_dashed(area, level(steps.low), level(steps.high))?;
        draw(below, SOLID, &differences.exponents)?;
        SOLID.draw_sample(area, place(0))?;
        DASHED.draw_sample(area, place(1))?;
        let (left, middle) = (enlarged(place(2).0), enlarged(place(2).1));
        draw_dashed(area, (left, middle), (left + enlarged(SAMPLE), middle))
    })?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    for (index, name) in legend.iter().enumerate() {
        let (left, middle) = place(index);
        picture.write(name, TEXT, left + SAMPLE + NAME_GAP, middle)?;
    }
    picture.save()
}

/// Relative differences as exponents of ten.
struct Differences {
    /// One per step; `zero` for equal values.
    exponents: Vec<f64>,
    tolerance: f64,
    /// The position of 0, if any difference is 0.
    zero: Option<f64>,
}

impl Differences {
    fn new([one, other]: [&[f64]; 2], tolerance: f64) -> Self {
        let relative = |(a, b): (&f64, &f64)| {
            // 0 and 0 do not differ either.
            if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) }
        };
        let relative: Vec<f64> = one.iter().zip(other).map(relative).collect();
        let all = || relative.iter().copied().chain([tolerance]);
        let exponents = all().filter(|&value| value > 0.0).map(f64::log10);
        let least = exponents.fold(f64::INFINITY, f64::min);
        let least = if least.is_finite() { least } else { NO_EXPONENT };
        let zero = least.floor() - 1.0;
        let exponent = |value: f64| if value > 0.0 { value.log10() } else { zero };
        Self {
            tolerance: exponent(tolerance),
            zero: all().any(|value| value == 0.0).then_some(zero),
            exponents: relative.into_iter().map(exponent).collect(),
        }
    }

    /// The scale of all differences and the tolerance, with a little padding.
    fn scale(&self) -> Scale {
        Scale::of(self.exponents.iter().copied().chain([self.tolerance]).collect(), &[])
    }
}

/// The two frames, with the same horizontal axis, in a picture `width` pixels wide.
fn frames(
    path: &Path,
    width: u32,
    elbo: [&[f64]; 2],
    differences: &Differences,
) -> Result<[Axes; 2]> {
    let steps = elbo[0].len();
    let name = vec!["ELBO", "(nats per image)"];
    let elbo = Axis::up(Scale::of(elbo.concat(), &[]), ELBO_HEIGHT, 0.0, name);
    let name = vec!["relative difference"];
    let difference = Axis::powers(differences.scale(), DIFFERENCE_HEIGHT, differences.zero, name);
    let left = MARGIN + elbo.room_beside(path)?.max(difference.room_beside(path)?);
    let right = width - MARGIN - text_width(path, &steps.to_string(), TEXT)? / 2;
    let scale = Scale { low: 0.5, high: steps as f64 + 0.5 };
    let frame = |top: u32, height: u32, vertical: Axis, name: Vec<&'static str>| Axes {
        across: (left, right),
        down: (top, top + height),
        horizontal: Axis::across(scale, right - left, 1.0, name),
        vertical,
        name_left: MARGIN,
    };
    Ok([
        frame(TOP, ELBO_HEIGHT, elbo, vec![]),
        frame(TOP + ELBO_HEIGHT + GAP, DIFFERENCE_HEIGHT, difference, vec!["step"]),
    ])
}
