//! Posterior means of two latent units as points of a plot, with the marks of their classes, and
//! the number of points beyond the plot.

use super::axes::Axes;
use super::manifold::Manifold;
use super::mark::{EASY_MARKS, Mark};
use super::picture::{Area, Drawn, OVERSAMPLE};
use super::scale::{Scale, median};

/// The radius of a point in the enlarged drawing: two pixels of the picture.
const POINT: i32 = 2 * OVERSAMPLE as i32;
/// Transparent points make dense regions darker.
const OPACITY: f64 = 0.8;

/// The number of means beyond a scale in either direction.
pub(super) fn hidden(manifold: &Manifold, scale: Scale) -> usize {
    places(manifold).filter(|&(x, y)| !(scale.shows(x) && scale.shows(y))).count()
}

/// Draws the means; those beyond the scales are at the nearest edge.
pub(super) fn draw(area: &Area, axes: &Axes, manifold: &Manifold) -> Drawn {
    let (across, up) = (axes.horizontal.scale, axes.vertical.scale);
    for (index, (x, y)) in places(manifold).enumerate() {
        let place = (x.clamp(across.low, across.high), y.clamp(up.low, up.high));
        mark(manifold, index).draw(area, axes.at(place), POINT, OPACITY)?;
    }
    Ok(())
}

/// The name of each class and the middle of its means (the median of each unit), if there are more
/// than [`EASY_MARKS`] classes.
pub(super) fn names<'a>(manifold: &Manifold<'a>) -> Vec<(&'a str, (f64, f64))> {
    let Some(classes) = manifold.classes.filter(|classes| classes.names.len() > EASY_MARKS) else {
        return Vec::new();
    };
    let mut members = vec![(Vec::new(), Vec::new()); classes.names.len()];
    for (&label, (x, y)) in classes.labels.iter().zip(places(manifold)) {
        members[usize::from(label)].0.push(x);
        members[usize::from(label)].1.push(y);
    }
    let named = classes.names.iter().zip(members).filter(|(_, (across, _))| !across.is_empty());
    named.map(|(name, (across, up))| (name.as_str(), (median(across), median(up)))).collect()
}

/// The mark of a mean.
fn mark(manifold: &Manifold, index: usize) -> Mark {
    match manifold.classes {
        Some(classes) => Mark::of(usize::from(classes.labels[index]), classes.names.len()),
        None => Mark::of(0, 1),
    }
}

/// Horizontal and vertical position: the first and the second latent unit.
fn places(manifold: &Manifold) -> impl Iterator<Item = (f64, f64)> {
    manifold.means.chunks_exact(2).map(|mean| (f64::from(mean[0]), f64::from(mean[1])))
}
