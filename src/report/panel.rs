//! One measure by epoch in a frame of its own: its lines, and what its scale leaves out.

use plotters::prelude::Polygon;

use super::EpochPoint;
use super::axes::{Axes, enlarged};
use super::line::{LINES, Line};
use super::picture::{Area, Drawn};
use super::scale::{Far, Scale, label};
use crate::eval::Measures;

/// With more epochs than this, markers would touch each other.
const MOST_MARKED: usize = 60;

/// What a panel shows.
pub(super) struct Panel {
    pub(super) name: &'static str,
    pub(super) value: fn(&Measures) -> f64,
    /// Where its scale may leave values out.
    pub(super) far: Far,
    /// The height of its frame in pixels.
    pub(super) height: u32,
}

/// From top to bottom. A run that starts badly has an ELBO and a log-likelihood far below the
/// later ones, but a KL far above.
pub(super) const PANELS: [Panel; 3] = [
    Panel { name: "ELBO", value: |m| m.elbo, far: Far::Below, height: 340 },
    Panel { name: "log-likelihood", value: |m| m.log_likelihood, far: Far::Below, height: 170 },
    Panel { name: "KL", value: |m| m.kl, far: Far::Above, height: 170 },
];

impl Panel {
    /// The scale that suits both lines.
    pub(super) fn scale(&self, points: &[EpochPoint]) -> Scale {
        let values = LINES.iter().flat_map(|line| self.values(line, points));
        Scale::of(values.map(|(_, value)| value).collect(), &[self.far])
    }

    /// Epochs and values of a line.
    pub(super) fn values(&self, line: &Line, points: &[EpochPoint]) -> Vec<(u32, f64)> {
        points.iter().map(|point| (point.epoch, (self.value)((line.measures)(point)))).collect()
    }

    /// Draws frame, lines and marks.
    pub(super) fn draw(&self, area: &Area, axes: &Axes, points: &[EpochPoint]) -> Drawn {
        axes.draw(area)?;
        for line in &LINES {
            draw_line(area, axes, line, &self.values(line, points))?;
        }
        // Above the lines, where they leave the frame.
        let mut rows = LINES.iter().zip(0..);
        rows.try_for_each(|(line, row)| self.draw_hidden(area, axes, line, row, points))
    }

    /// A triangle at the edge for each value beyond it; `row` keeps the lines' triangles apart.
    fn draw_hidden(
        &self,
        area: &Area,
        axes: &Axes,
        line: &Line,
        row: u32,
        points: &[EpochPoint],
    ) -> Drawn {
        let scale = axes.vertical.scale;
        let (edge, inwards) = match self.far {
            Far::Below => (scale.low, -1),
            Far::Above => (scale.high, 1),
        };
        for (epoch, _) in self.hidden(line, points, scale) {
            let (x, edge) = axes.at((f64::from(epoch), edge));
            let tip = edge + inwards * enlarged(row * 10);
            let (side, base) = (enlarged(5), tip + inwards * enlarged(9));
            let corners = vec![(x - side, base), (x + side, base), (x, tip)];
            area.draw(&Polygon::new(corners, line.stroke.colour))?;
        }
        Ok(())
    }

    fn hidden(&self, line: &Line, points: &[EpochPoint], scale: Scale) -> Vec<(u32, f64)> {
        let mut values = self.values(line, points);
        values.retain(|&(_, value)| !scale.shows(value));
        values
    }

    /// What the scale leaves out, in words; empty if nothing.
    pub(super) fn note_of_hidden(&self, points: &[EpochPoint], scale: Scale) -> String {
        let [train, test] = LINES.each_ref().map(|line| self.hidden(line, points, scale));
        let mut hidden = [&train[..], &test[..]].concat();
        hidden.sort_by(|one, other| one.1.total_cmp(&other.1));
        let (extreme, words) = match self.far {
            Far::Below => (hidden.first(), ["\u{25bc} below", "lowest"]),
            Far::Above => (hidden.last(), ["\u{25b2} above", "highest"]),
        };
        let Some((epoch, value)) = extreme else {
            return String::new();
        };
        let value = label(*value, (value.abs() * 1e-4).max(0.01));
        let ([beyond, most], train, test) = (words, train.len(), test.len());
        format!(
            "{beyond} the scale: {train} train, {test} test values, {most} {value} (epoch {epoch})"
        )
    }
}

fn draw_line(area: &Area, axes: &Axes, line: &Line, values: &[(u32, f64)]) -> Drawn {
    let scale = axes.vertical.scale;
    let points: Vec<_> = values.iter().map(|&(epoch, value)| (f64::from(epoch), value)).collect();
    for part in visible_parts(&points, scale) {
        line.stroke.draw(area, part.into_iter().map(|point| axes.at(point)).collect())?;
    }
    if points.len() <= MOST_MARKED {
        for &point in points.iter().filter(|point| scale.shows(point.1)) {
            line.stroke.draw_marker(area, axes.at(point))?;
        }
    }
    Ok(())
}

/// The pieces of a line that the scale shows, cut where it crosses an end of the scale.
fn visible_parts(points: &[(f64, f64)], scale: Scale) -> Vec<Vec<(f64, f64)>> {
    let mut parts = vec![];
    let mut part = vec![];
    let mut before = None;
    for &(epoch, value) in points {
        let shown = scale.shows(value);
        if let Some((earlier, other)) = before
            && scale.shows(other) != shown
        {
            let hidden = if shown { other } else { value };
            let edge = hidden.clamp(scale.low, scale.high);
            let crossing = earlier + (epoch - earlier) * (edge - other) / (value - other);
            part.push((crossing, edge));
        }
        if shown {
            part.push((epoch, value));
        } else {
            parts.push(std::mem::take(&mut part));
        }
        before = Some((epoch, value));
    }
    parts.push(part);
    parts.retain(|part| part.len() > 1);
    parts
}
