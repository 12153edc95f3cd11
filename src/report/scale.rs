//! Which values an axis shows, and where its ticks stand: numbers only, no drawing.

use super::EpochPoint;

/// Ticks an axis has at most.
const MOST_TICKS: f64 = 10.0;
/// The shortest range of ELBO that is worth magnifying, in nats.
const LEAST_SPAN: f64 = 0.1;
/// Room between the outermost values and the ends of the axis, as a fraction of the range.
const PADDING: f64 = 0.06;

/// The values that an axis shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Scale {
    /// A round distance between ticks, 1, 2 or 5 times a power of ten and no less than `least`.
    pub(super) fn step(&self, least: f64) -> f64 {
        let rough = ((self.high - self.low) / MOST_TICKS).max(least);
        let power = 10f64.powi(rough.log10().floor() as i32);
        let round = [1.0, 2.0, 5.0].into_iter().find(|round| round * power >= rough * 0.999);
        round.unwrap_or(10.0) * power
    }

    /// The multiples of `step` that the axis shows.
    pub(super) fn ticks(&self, step: f64) -> Vec<f64> {
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        (0..)
            .map(|index| first + f64::from(index))
            .take_while(|&n| n <= last)
            .map(|n| n * step)
            .collect()
    }
}

/// The range of ELBO that [`elbo_curve`](super::elbo_curve) shows of finite values.
///
/// The highest value is always shown. Values more than three interquartile ranges below the lower
/// quartile (Tukey's outer fence, over the train and test values together) are left out if that at
/// least halves the range, so that poor first epochs do not press all the others flat against the
/// top. An empty slice gives -0.05 to 0.05.
pub fn elbo_scale(points: &[EpochPoint]) -> Scale {
    let mut values: Vec<f64> = points.iter().flat_map(|p| [p.train_elbo, p.test_elbo]).collect();
    values.sort_by(f64::total_cmp);
    let (first, third) = (quartile(&values, 1), quartile(&values, 3));
    let fence = first - 3.0 * (third - first);
    let lowest = values.first().copied().unwrap_or(0.0);
    let high = values.last().copied().unwrap_or(0.0);
    let within = values.iter().copied().find(|&value| value >= fence).unwrap_or(lowest);
    let low = if high - lowest >= 2.0 * (high - within) { within } else { lowest };
    let span = high - low;
    let padding = (span * PADDING).max((LEAST_SPAN.max(high.abs() * 1e-6) - span) / 2.0);
    Scale { low: low - padding, high: high + padding }
}

/// A quartile of sorted values, between neighbours by interpolation.
fn quartile(sorted: &[f64], which: usize) -> f64 {
    let position = sorted.len().saturating_sub(1) * which;
    let (index, fraction) = (position / 4, (position % 4) as f64 / 4.0);
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or(0.0);
    at(index) + (at(index + 1) - at(index)) * fraction
}

/// A number as an axis shows it: as many digits as tell neighbouring ticks apart, and a true minus.
pub(super) fn label(value: f64, step: f64) -> String {
    let power = (step * 1.001).log10().floor() as i32;
    let text = if value == 0.0 {
        "0".to_owned()
    } else if power >= 5 {
        let digits = (value.abs().log10().floor() as i32 - power).max(0) as usize;
        format!("{value:.digits$e}")
    } else {
        format!("{value:.digits$}", digits = (-power).max(0) as usize)
    };
    text.replace('-', "\u{2212}")
}
