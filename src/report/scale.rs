//! The range of an axis and the values of its ticks: numbers only, no drawing.

/// The shortest range of an axis, in nats or in units of a latent.
const LEAST_SPAN: f64 = 0.1;
/// Padding between the outermost values and the ends of the axis, as a fraction of the range.
const PADDING: f64 = 0.06;

/// A side on which a scale may leave out values that lie far from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Far {
    /// Far below the others.
    Below,
    /// Far above the others.
    Above,
}

/// The range of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Scale {
    /// The range in which a plot shows finite values.
    ///
    /// Values more than three interquartile ranges below the lower or above the upper quartile
    /// (Tukey's outer fences) are left out if they lie on one of the sides `far` and if that at
    /// least halves the range, so that poor first epochs do not compress all the others. Without
    /// values the range is -0.05 to 0.05.
    pub fn of(mut values: Vec<f64>, far: &[Far]) -> Self {
        values.sort_by(f64::total_cmp);
        let (first, third) = (quartile(&values, 1), quartile(&values, 3));
        let reach = 3.0 * (third - first);
        let lowest = values.first().copied().unwrap_or(0.0);
        let highest = values.last().copied().unwrap_or(0.0);
        let mut within = values.iter().copied().filter(|&value| {
            far.iter().all(|side| match side {
                Far::Below => value >= first - reach,
                Far::Above => value <= third + reach,
            })
        });
        let low = within.next().unwrap_or(lowest);
        let high = within.next_back().unwrap_or(low);
        let worth_it = highest - lowest >= 2.0 * (high - low);
        let (low, high) = if worth_it { (low, high) } else { (lowest, highest) };
        let span = high - low;
        let least = LEAST_SPAN.max(low.abs().max(high.abs()) * 1e-6);
        let padding = (span * PADDING).max((least - span) / 2.0);
        Self { low: low - padding, high: high + padding }
    }

    /// Whether a value lies on the axis.
    pub(super) fn shows(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// A round distance between ticks, 1, 2 or 5 times a power of ten and no less than `least`, so
    /// that the number of ticks is about `most` or less.
    pub(super) fn step(&self, most: f64, least: f64) -> f64 {
        let rough = ((self.high - self.low) / most).max(least);
        let power = 10f64.powi(rough.log10().floor() as i32);
        let round = [1.0, 2.0, 5.0].into_iter().find(|round| round * power >= rough * 0.999);
        round.unwrap_or(10.0) * power
    }

    /// The multiples of `step` on the axis.
    pub(super) fn ticks(&self, step: f64) -> Vec<f64> {
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        (0..)
            .map(|index| first + f64::from(index))
            .take_while(|&n| n <= last)
            .map(|n| n * step)
            .collect()
    }
}

/// The median, or 0 if there are no values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quartile(&values, 2)
}

/// A quartile of sorted values, with linear interpolation.
fn quartile(sorted: &[f64], which: usize) -> f64 {
    let position = sorted.len().saturating_sub(1) * which;
    let (index, fraction) = (position / 4, (position % 4) as f64 / 4.0);
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or(0.0);
    at(index) + (at(index + 1) - at(index)) * fraction
}

/// Formats a number for an axis: with enough digits to distinguish neighbouring ticks, and a minus
/// sign instead of a hyphen.
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
