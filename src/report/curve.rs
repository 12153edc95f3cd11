//! The ELBO by epoch, of training and of the test set, as two lines that differ in colour, dash
//! and marker, so that they are told apart without colour too.

use std::path::Path;

use plotters::element::DashedPathElement;
use plotters::prelude::{Circle, PathElement, Polygon, RGBColor};
use plotters::style::{Color, ShapeStyle};

use super::axes::{Axes, enlarged};
use super::picture::{Area, Drawn, OVERSAMPLE, Picture, failure, text_height, text_width};
use super::scale::{Scale, elbo_scale, label};
use crate::Result;

const SIZE: (u32, u32) = (1000, 600);
const MARGIN: u32 = 20;
const TITLE: u32 = 22;
const TEXT: u32 = 17;
/// From the top: the title, the legend, then the plot.
const LEGEND_MIDDLE: u32 = 66;
const PLOT_TOP: u32 = 86;
/// Below the plot: tick labels and the axis's name.
const EPOCH_AREA: u32 = 52;
/// Left of the plot, besides the tick labels: the axis's name.
const NAME_AREA: u32 = 52;
/// The legend's sample line, and the room for each of its entries.
const SAMPLE: u32 = 44;
const ENTRY: u32 = 120;
/// With more epochs than this, markers would touch each other.
const MOST_MARKED: usize = 60;

/// One epoch of a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochPoint {
    /// Its number.
    pub epoch: u32,
    /// The mean ELBO of the training images in this epoch, in nats per image.
    pub train_elbo: f64,
    /// The mean ELBO of the test images after it, in nats per image.
    pub test_elbo: f64,
}

/// One line of the plot and how it looks. Colours: Okabe and Ito's, safe for the colour-blind.
struct Curve {
    name: &'static str,
    colour: RGBColor,
    dashed: bool,
    value: fn(&EpochPoint) -> f64,
}

const CURVES: [Curve; 2] = [
    Curve { name: "train", colour: RGBColor(0, 114, 178), dashed: false, value: |p| p.train_elbo },
    Curve { name: "test", colour: RGBColor(213, 94, 0), dashed: true, value: |p| p.test_elbo },
];

/// Draws the ELBO by epoch and writes it to `path` as a PNG, 1000 by 600 pixels or as wide as the
/// title needs. With up to 60 epochs each is marked.
///
/// The axis runs over [`elbo_scale`], which leaves out values far below the others. Nothing is left
/// out silently: the line leaves the plot at its lower edge, a triangle there marks each epoch
/// whose value lies below, and a note above the plot counts them and gives the lowest.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no points, if epochs don't increase, or
/// if a value is not finite (or larger than an `f32` can be);
/// [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn elbo_curve(path: &Path, title: &str, points: &[EpochPoint]) -> Result<()> {
    check(path, points)?;
    let width = SIZE.0.max(text_width(path, title, TITLE)? + 2 * MARGIN);
    let mut picture = Picture::blank(path, (width, SIZE.1))?;
    let axes = axes(path, width, points)?;
    picture.plot(|area| {
        axes.draw(area)?;
        for (index, curve) in CURVES.iter().enumerate() {
            draw_curve(area, &axes, curve, points)?;
            draw_sample(area, curve, legend_left(index))?;
        }
        // Above the lines, where they leave the plot.
        let mut rows = CURVES.iter().zip(0..);
        rows.try_for_each(|(curve, row)| draw_hidden(area, &axes, curve, row, points))
    })?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    for (index, curve) in CURVES.iter().enumerate() {
        picture.write(curve.name, TEXT, legend_left(index) + SAMPLE + 10, LEGEND_MIDDLE)?;
    }
    let note = note_of_hidden(points, axes.values);
    let left = width - MARGIN - text_width(path, &note, TEXT)?;
    picture.write(&note, TEXT, left, LEGEND_MIDDLE)?;
    picture.save()
}

fn check(path: &Path, points: &[EpochPoint]) -> Result<()> {
    if points.is_empty() {
        return Err(failure(path, "expected 1 or more epochs, found none"));
    }
    if let Some(pair) = points.windows(2).find(|pair| pair[0].epoch >= pair[1].epoch) {
        let (before, found) = (pair[0].epoch, pair[1].epoch);
        return Err(failure(path, format!("expected an epoch after {before}, found {found}")));
    }
    for point in points {
        for curve in &CURVES {
            let value = (curve.value)(point);
            if !value.is_finite() || value.abs() > f64::from(f32::MAX) {
                let whose = format!("{} ELBO of epoch {}", curve.name, point.epoch);
                let message = format!("{whose}: expected a finite f32, found {value}");
                return Err(failure(path, message));
            }
        }
    }
    Ok(())
}

/// The frame, as wide as the tick labels leave it, in a picture `width` pixels wide.
fn axes(path: &Path, width: u32, points: &[EpochPoint]) -> Result<Axes> {
    let values = elbo_scale(points);
    let step = values.step(0.0);
    let mut label_width = 0;
    for tick in values.ticks(step) {
        label_width = label_width.max(text_width(path, &label(tick, step), TEXT)?);
    }
    let epoch = |point: Option<&EpochPoint>| point.map_or(0, |point| point.epoch);
    let (first, last) = (epoch(points.first()), epoch(points.last()));
    // The last epoch's label may stand below the right edge.
    let overhang = text_width(path, &last.to_string(), TEXT)? / 2;
    Ok(Axes {
        across: (enlarged(NAME_AREA + label_width), enlarged(width - MARGIN - overhang)),
        down: (enlarged(PLOT_TOP), enlarged(SIZE.1 - MARGIN - EPOCH_AREA)),
        epochs: Scale { low: f64::from(first) - 0.5, high: f64::from(last) + 0.5 },
        values,
        text: TEXT * OVERSAMPLE,
    })
}

fn draw_curve(area: &Area, axes: &Axes, curve: &Curve, points: &[EpochPoint]) -> Drawn {
    let points: Vec<_> = points.iter().map(|p| (f64::from(p.epoch), (curve.value)(p))).collect();
    for line in visible_parts(&points, axes.values.low) {
        draw_line(area, curve, line.into_iter().map(|point| axes.at(point)).collect())?;
    }
    if points.len() <= MOST_MARKED {
        for &point in points.iter().filter(|point| point.1 >= axes.values.low) {
            draw_marker(area, curve, axes.at(point))?;
        }
    }
    Ok(())
}

fn draw_line(area: &Area, curve: &Curve, line: Vec<(i32, i32)>) -> Drawn {
    let style =
        ShapeStyle { color: curve.colour.into(), filled: false, stroke_width: 2 * OVERSAMPLE };
    if curve.dashed {
        area.draw(&DashedPathElement::new(line, enlarged(7), enlarged(4), style))?;
    } else {
        area.draw(&PathElement::new(line, style))?;
    }
    Ok(())
}

/// A disc for a solid curve, a square for a dashed one.
fn draw_marker(area: &Area, curve: &Curve, (x, y): (i32, i32)) -> Drawn {
    if curve.dashed {
        let reach = enlarged(3);
        let corners = [(-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)];
        let corners = corners.map(|(right, down)| (x + right, y + down)).to_vec();
        area.draw(&Polygon::new(corners, curve.colour))?;
    } else {
        area.draw(&Circle::new((x, y), enlarged(4), curve.colour.filled()))?;
    }
    Ok(())
}

/// A triangle at the lower edge for each value below it; `row` keeps the curves' triangles apart.
fn draw_hidden(area: &Area, axes: &Axes, curve: &Curve, row: u32, points: &[EpochPoint]) -> Drawn {
    for point in points.iter().filter(|point| (curve.value)(point) < axes.values.low) {
        let (x, bottom) = axes.at((f64::from(point.epoch), axes.values.low));
        let tip = bottom - enlarged(row * 10);
        let (side, top) = (enlarged(5), tip - enlarged(9));
        area.draw(&Polygon::new(vec![(x - side, top), (x + side, top), (x, tip)], curve.colour))?;
    }
    Ok(())
}

/// A piece of the curve and its marker, for the legend.
fn draw_sample(area: &Area, curve: &Curve, left: u32) -> Drawn {
    let (left, middle) = (enlarged(left), enlarged(LEGEND_MIDDLE));
    draw_line(area, curve, vec![(left, middle), (left + enlarged(SAMPLE), middle)])?;
    draw_marker(area, curve, (left + enlarged(SAMPLE) / 2, middle))
}

fn legend_left(index: usize) -> u32 {
    MARGIN + index as u32 * ENTRY
}

/// The pieces of a line that lie at or above `low`, cut where it crosses.
fn visible_parts(points: &[(f64, f64)], low: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts = vec![];
    let mut part = vec![];
    let mut before = None;
    for &(epoch, value) in points {
        if let Some((earlier, other)) = before
            && (other < low) != (value < low)
        {
            let crossing = earlier + (epoch - earlier) * (low - other) / (value - other);
            part.push((crossing, low));
        }
        if value >= low {
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

/// What the scale leaves out, in words; empty if nothing.
fn note_of_hidden(points: &[EpochPoint], values: Scale) -> String {
    let [train, test] = CURVES.each_ref().map(|curve| {
        let all = points.iter().map(|point| ((curve.value)(point), point.epoch));
        all.filter(|point| point.0 < values.low).collect::<Vec<_>>()
    });
    let hidden = train.iter().chain(&test);
    let Some((lowest, epoch)) = hidden.min_by(|one, other| one.0.total_cmp(&other.0)) else {
        return String::new();
    };
    let lowest = label(*lowest, (lowest.abs() * 1e-4).max(0.01));
    let (train, test) = (train.len(), test.len());
    format!(
        "\u{25bc} below the scale: {train} train, {test} test values, \
         lowest {lowest} (epoch {epoch})"
    )
}
