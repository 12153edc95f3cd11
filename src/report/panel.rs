//! One measure by epoch in its own frame: its lines, and marks for the values beyond its scale.

use plotters::prelude::Polygon;

use super::axes::{Axes, enlarged};
use super::line::{DASHED, LINES, Line, draw_dashed, draw_light};
use super::picture::{Area, Drawn};
use super::scale::{Far, Scale, label};
use super::{EpochPoint, StepPoint};
use crate::data::HeldOut;
use crate::eval::Measures;

/// With more epochs than this, markers would touch each other.
const MOST_MARKED: usize = 60;
/// The maximum number of batches drawn: about two per pixel.
const MOST_STEPS: usize = 2000;

/// The measure of a panel.
pub(super) struct Panel {
    pub(super) name: &'static str,
    pub(super) value: fn(&Measures) -> f64,
    /// The side on which the scale may leave values out.
    pub(super) far: Far,
    /// The height of the frame in pixels.
    pub(super) height: u32,
}

/// The panels from top to bottom. A run that starts badly has an ELBO and a log-likelihood far
/// below the later ones, but a KL far above.
pub(super) const PANELS: [Panel; 3] = [
    Panel { name: "ELBO", value: |m| m.elbo, far: Far::Below, height: 340 },
    Panel { name: "log-likelihood", value: |m| m.log_likelihood, far: Far::Below, height: 170 },
    Panel { name: "KL", value: |m| m.kl, far: Far::Above, height: 170 },
];

impl Panel {
    /// The scale that fits both lines, and the batches of a single epoch.
    pub(super) fn scale(&self, points: &[EpochPoint], steps: &[StepPoint]) -> Scale {
        let values = LINES.iter().flat_map(|line| self.values(line, points));
        let shown = if points.len() == 1 { steps } else { &[] };
        let batches = shown.iter().map(|step| (self.value)(&step.measures));
        Scale::of(values.map(|(_, value)| value).chain(batches).collect(), &[self.far])
    }

    /// Epochs and values of a line.
    pub(super) fn values(&self, line: &Line, points: &[EpochPoint]) -> Vec<(u32, f64)> {
        points.iter().map(|point| (point.epoch, (self.value)((line.measures)(point)))).collect()
    }

    /// Draws the batches.
    pub(super) fn draw_steps(&self, area: &Area, axes: &Axes, steps: &[StepPoint]) -> Drawn {
        let every = steps.len().div_ceil(MOST_STEPS).max(1);
        let points = steps.iter().step_by(every);
        let points: Vec<_> = points.map(|s| (s.epoch, (self.value)(&s.measures))).collect();
        let parts = visible_parts(&points, axes.vertical.scale).into_iter();
        let mut parts = parts.map(|part| part.into_iter().map(|point| axes.at(point)).collect());
        parts.try_for_each(|part| draw_light(area, part))
    }

    /// Marks the best epoch.
    pub(super) fn draw_best(&self, area: &Area, axes: &Axes, best: Option<&EpochPoint>) -> Drawn {
        let Some(EpochPoint { epoch, test, .. }) = best else { return Ok(()) };
        let scale = axes.vertical.scale;
        let at = |value| axes.at((f64::from(*epoch), value));
        // From the top, so that the dashes of all panels are aligned.
        draw_dashed(area, at(scale.high), at(scale.low))?;
        let value = (self.value)(test);
        if scale.shows(value) { DASHED.draw_ring(area, at(value)) } else { Ok(()) }
    }

    /// Describes the values of the last epoch.
    pub(super) fn note_of_last(&self, held_out: HeldOut, points: &[EpochPoint]) -> String {
        let Some(last) = points.last() else { return String::new() };
        let values =
            LINES.each_ref().map(|line| (line, number((self.value)((line.measures)(last)))));
        let [train, test] = values.map(|(line, value)| format!("{} {value}", line.name(held_out)));
        format!("last: {train}, {test}")
    }

    /// Draws lines and marks.
    pub(super) fn draw(&self, area: &Area, axes: &Axes, points: &[EpochPoint]) -> Drawn {
        for line in &LINES {
            draw_line(area, axes, line, &self.values(line, points))?;
        }
        // Triangles are drawn above the lines, where they leave the frame.
        let mut rows = LINES.iter().zip(0..);
        rows.try_for_each(|(line, row)| self.draw_hidden(area, axes, line, row, points))
    }

    /// Draws a triangle at the edge for each value beyond it; `row` keeps the lines' triangles
    /// apart.
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

    /// Describes the values that the scale leaves out; empty if there are none.
    pub(super) fn note_of_hidden(
        &self,
        held_out: HeldOut,
        points: &[EpochPoint],
        scale: Scale,
    ) -> String {
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
        let value = number(*value);
        let ([beyond, most], train, test) = (words, train.len(), test.len());
        let held_out = held_out.name();
        format!(
            "{beyond} the scale: {train} train, {test} {held_out} values, {most} {value} (epoch {epoch})"
        )
    }
}

/// Formats a value with four digits or two decimals.
pub(super) fn number(value: f64) -> String {
    label(value, (value.abs() * 1e-4).max(0.01))
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

/// The pieces of a line that the scale shows, cut at the ends of the scale.
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
