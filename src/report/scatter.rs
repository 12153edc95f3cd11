//! Posterior means of two latent units as points of a square plot: its scales, the points in the
//! marks of their classes, and how many of them lie beyond.

use plotters::element::DashedPathElement;
use plotters::prelude::RGBColor;
use plotters::style::Color;

use super::axes::{Axes, enlarged};
use super::manifold::Manifold;
use super::mark::Mark;
use super::picture::{Area, Drawn, OVERSAMPLE};
use super::scale::{Far, Scale};

/// The radius of a point in the enlarged drawing: two pixels of the picture.
const POINT: i32 = 2 * OVERSAMPLE as i32;
/// So that a crowd is darker than a few.
const OPACITY: f64 = 0.8;
const OUTLINE: RGBColor = RGBColor(80, 80, 80);

/// The scales across and up, of equal length: where the means are, but for those few that lie far
/// from the others.
pub(super) fn scales(manifold: &Manifold) -> (Scale, Scale) {
    let (across, up): (Vec<_>, Vec<_>) = places(manifold).unzip();
    let [across, up] = [across, up].map(|values| Scale::of(values, &[Far::Below, Far::Above]));
    let span = (across.high - across.low).max(up.high - up.low);
    (across.widened(span), up.widened(span))
}

/// How many means lie beyond the scales.
pub(super) fn hidden(manifold: &Manifold, (across, up): (Scale, Scale)) -> usize {
    places(manifold).filter(|&(x, y)| !(across.shows(x) && up.shows(y))).count()
}

/// Whether any of the outline that [`draw`] makes of so far a reach can be seen.
pub(super) fn shows_outline((across, up): (Scale, Scale), reach: f64) -> bool {
    sides((across, up), reach).next().is_some()
}

/// Draws the means, and the outline of a grid of images from `-reach` to `reach`.
pub(super) fn draw(area: &Area, axes: &Axes, manifold: &Manifold, reach: f64) -> Drawn {
    let (across, up) = (axes.horizontal.scale, axes.vertical.scale);
    for (index, (x, y)) in places(manifold).enumerate() {
        if across.shows(x) && up.shows(y) {
            mark(manifold, index).draw(area, axes.at((x, y)), POINT, OPACITY)?;
        }
    }
    let mut sides = sides((across, up), reach);
    sides.try_for_each(|[from, to]| draw_dashed(area, axes.at(from), axes.at(to)))
}

/// A dashed line in the enlarged drawing.
pub(super) fn draw_dashed(area: &Area, from: (i32, i32), to: (i32, i32)) -> Drawn {
    let style = OUTLINE.stroke_width(OVERSAMPLE + OVERSAMPLE / 2);
    Ok(area.draw(&DashedPathElement::new(vec![from, to], enlarged(4), enlarged(3), style))?)
}

/// The look of a mean.
fn mark(manifold: &Manifold, index: usize) -> Mark {
    match manifold.classes {
        Some(classes) => Mark::of(usize::from(classes.labels[index]), classes.names.len()),
        None => Mark::of(0, 1),
    }
}

/// Across and up: the second latent unit and the first.
fn places(manifold: &Manifold) -> impl Iterator<Item = (f64, f64)> {
    manifold.means.chunks_exact(2).map(|mean| (f64::from(mean[1]), f64::from(mean[0])))
}

/// What the scales show of the sides of a square around 0.
fn sides((across, up): (Scale, Scale), reach: f64) -> impl Iterator<Item = [(f64, f64); 2]> {
    let ends = |scale: Scale| [-reach, reach].map(|end: f64| end.clamp(scale.low, scale.high));
    let ([left, right], [bottom, top]) = (ends(across), ends(up));
    let upright = [-reach, reach]
        .into_iter()
        .filter(move |&x| across.shows(x) && bottom < top)
        .map(move |x| [(x, bottom), (x, top)]);
    let level = [-reach, reach]
        .into_iter()
        .filter(move |&y| up.shows(y) && left < right)
        .map(move |y| [(left, y), (right, y)]);
    upright.chain(level)
}
