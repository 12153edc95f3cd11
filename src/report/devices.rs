//! The ELBO of the same steps on two devices, and below it how far they are apart.

use std::path::Path;

use super::axes::{Axes, Axis, ROOM_BELOW};
use super::line::{DASHED, SAMPLE, SOLID, Stroke};
use super::picture::{MARGIN, Picture, TEXT, TITLE, failure, text_height, text_width};
use super::scale::{Far, Scale};
use crate::Result;

const WIDTH: u32 = 1000;
/// Above the first frame: the title, and a line of the legend for each device.
const TOP: u32 = 112;
const LEGEND_LINE: u32 = 24;
const ELBO_HEIGHT: u32 = 300;
const DIFFERENCE_HEIGHT: u32 = 200;
const GAP: u32 = 24;
/// No difference is drawn as this, below what f32 can tell apart.
const LEAST: f64 = 1e-9;

/// Draws the ELBO of steps 1, 2, … on two devices, in nats an image, as two lines, and below it the
/// relative difference by powers of ten; writes them to `path` as a PNG. No difference at all is
/// drawn as 10⁻⁹.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no steps, not as many on both devices, or
/// a value is not finite; [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn device_curves(path: &Path, title: &str, names: [&str; 2], elbo: [&[f64]; 2]) -> Result<()> {
    let [one, other] = elbo;
    if one.is_empty() || one.len() != other.len() {
        let message = format!("expected as many steps, found {} and {}", one.len(), other.len());
        return Err(failure(path, message));
    }
    if let Some(value) = one.iter().chain(other).find(|value| !value.is_finite()) {
        return Err(failure(path, format!("expected finite numbers, found {value}")));
    }
    let relative = |(a, b): (&f64, &f64)| {
        let difference = (a - b).abs() / a.abs().max(b.abs());
        // 0 of 0 is no difference either.
        if difference > LEAST { difference.log10() } else { LEAST.log10() }
    };
    let difference: Vec<f64> = one.iter().zip(other).map(relative).collect();
    let entries = [(names[0], SOLID), (names[1], DASHED)];
    let frames = frames(path, &[one, other].concat(), &difference, one.len())?;
    let [above, below] = &frames;
    let mut picture = Picture::blank(path, (WIDTH, below.down.1 + ROOM_BELOW + MARGIN))?;
    let legend = |index: usize| (MARGIN, TOP - LEGEND_LINE * (2 - index as u32) + 4);
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
        draw(below, SOLID, &difference)?;
        let mut samples = entries.iter().enumerate();
        samples.try_for_each(|(index, (_, stroke))| stroke.draw_sample(area, legend(index)))
    })?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    for (index, (name, _)) in entries.iter().enumerate() {
        let (left, middle) = legend(index);
        picture.write(name, TEXT, left + SAMPLE + 10, middle)?;
    }
    picture.save()
}

/// The two frames, with the same steps from left to right.
fn frames(path: &Path, elbo: &[f64], difference: &[f64], steps: usize) -> Result<[Axes; 2]> {
    let vertical = |values: &[f64], height, least, name, far: &[Far]| {
        Axis::up(Scale::of(values.to_vec(), far), height, least, name)
    };
    let unit = "(nats per image)";
    let elbo = vertical(elbo, ELBO_HEIGHT, 0.0, vec!["ELBO", unit], &[]);
    let name = vec!["relative difference", "(log\u{2081}\u{2080})"];
    let difference = vertical(difference, DIFFERENCE_HEIGHT, 1.0, name, &[]);
    let left = MARGIN + elbo.room_beside(path)?.max(difference.room_beside(path)?);
    let right = WIDTH - MARGIN - text_width(path, &steps.to_string(), TEXT)? / 2;
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
