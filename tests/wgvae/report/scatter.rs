//! Posterior means of two latent units: each where its ticks cross, in the look of its class.

use std::collections::BTreeSet;
use std::error::Error as StdError;

use image::{Rgb, RgbImage};
use wgvae::report::{Classes, Manifold};

use super::manifold::{Frame, draw, names};
use super::{Outcome, WHITE, assert_margins_are_white, places};

/// Where the outermost ticks of [`scattered`] are.
const END: f64 = 4.0;
/// Beyond, so that no tick is at a corner of the frame.
const LIMIT: f64 = 5.2;

/// One grey image, and these means, between -5.2 and 5.2.
fn scattered<'a>(means: &'a [f32], classes: Option<Classes<'a>>) -> Manifold<'a> {
    Manifold { side: 1, range: LIMIT as f32, size: (1, 1), images: &[0.5], means, classes }
}

/// The middle of a sample in the legend beside a frame.
fn sample(frame: &Frame, entry: u32) -> (u32, u32) {
    (frame.right + 29, frame.top + 1 + 12 + 24 * entry)
}

/// The colour of a point on white, or on another point.
fn over(colour: Rgb<u8>, ground: Rgb<u8>) -> Rgb<u8> {
    let mix = |index: usize| 0.8 * f64::from(colour[index]) + 0.2 * f64::from(ground[index]);
    Rgb([0, 1, 2].map(|index| mix(index).round() as u8))
}

fn distance(one: Rgb<u8>, other: Rgb<u8>) -> u32 {
    (0..3).map(|index| u32::from(one[index].abs_diff(other[index]))).sum()
}

#[test]
fn a_mean_stands_where_its_ticks_cross_in_the_colour_of_its_class() -> Outcome {
    let means = [
        [-3.8, -1.2],
        [3.8, 1.2],
        [2.6, -1.4],
        [-3.3, 0.7],
        [-1.3, -2.7],
        // One place, twice.
        [3.3, 0.5],
        [3.3, 0.5],
    ];
    let labels = [0, 0, 1, 2, 3, 3, 1];
    let names = names(4);
    let classes = Classes { names: &names, labels: &labels };
    let what = scattered(means.as_flattened(), Some(classes));
    let picture = draw("Means", &what)?;
    let grid = Frame::after(&picture, 30);
    let frame = Frame::after(&picture, grid.right + 40);
    let colours = [0, 1, 2, 3].map(|class| {
        let (x, y) = sample(&frame, class);
        let text = (frame.right + 40, picture.width());
        let ink = places(&picture, text, (y - 10, y + 10), |pixel| pixel[0] < 100).len();
        assert!(ink > 60, "class {class} has no name");
        *picture.get_pixel(x, y)
    });
    let points = means.iter().zip(labels.map(|label| over(colours[usize::from(label)], WHITE)));
    for (&[first, second], expected) in points.take(5) {
        // The first unit across.
        let (x, y) = frame.at(END, first.into(), second.into());
        let found = *picture.get_pixel(x, y);
        assert!(distance(found, expected) <= 6, "({first}, {second}): {found:?}");
        let around = places(&picture, (x - 8, x + 9), (y - 8, y + 9), |pixel| pixel != WHITE);
        assert!((10..=25).contains(&around.len()), "a point of {} pixels", around.len());
    }
    // The later covers the earlier.
    let (x, y) = frame.at(END, 3.3, 0.5);
    let expected = over(colours[1], over(colours[3], WHITE));
    assert!(distance(*picture.get_pixel(x, y), expected) <= 6);
    Ok(())
}

/// Pixels with their places.
type Sample = Vec<(u32, u32, Rgb<u8>)>;

/// What is drawn for each of `count` classes in the legend, relative to the middle of its sample, and
/// how much text follows the last of the `listed` ones.
fn legend(count: usize, listed: usize) -> Result<(Vec<Sample>, usize), Box<dyn StdError>> {
    let names = names(count);
    let classes = Classes { names: &names, labels: &[0] };
    let picture = draw("", &scattered(&[0.7, 0.7], Some(classes)))?;
    assert_margins_are_white(&picture, "a legend");
    let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
    // 680 pixels hold 28 entries; a column is as wide as its widest name.
    let middle = |entry: u32| {
        let (mut x, y) = sample(&frame, entry % 28);
        for _ in 0..entry / 28 {
            let text = (x + 12, picture.width());
            let ink = places(&picture, text, (frame.top, frame.bottom), |p| p != WHITE);
            // The next column is where a gap ends.
            let columns: BTreeSet<u32> = ink.iter().map(|place| place.0).collect();
            let columns: Vec<_> = columns.into_iter().collect();
            let gap = columns.windows(2).find(|pair| pair[1] - pair[0] > 20).map(|pair| pair[1]);
            x = gap.unwrap_or(picture.width() - 30) + 5;
        }
        (x, y)
    };
    let samples = (0..listed as u32).map(|entry| {
        let (x, y) = middle(entry);
        let drawn = places(&picture, (x - 9, x + 10), (y - 9, y + 10), |p| p != WHITE);
        drawn.into_iter().map(|(a, b)| (a + 9 - x, b + 9 - y, *picture.get_pixel(a, b))).collect()
    });
    let samples = samples.collect();
    let (x, y) = middle(listed as u32);
    let more = places(&picture, (x, picture.width()), (y - 10, y + 10), |pixel| pixel[0] < 100);
    Ok((samples, more.len()))
}

/// The colour in the middle of a sample.
fn colour(sample: &[(u32, u32, Rgb<u8>)]) -> Rgb<u8> {
    let middle = sample.iter().find(|(x, y, _)| (*x, *y) == (9, 9));
    middle.map_or(WHITE, |&(_, _, colour)| colour)
}

/// CIELAB of an sRGB colour, white being that of D65.
fn lab(Rgb(colour): Rgb<u8>) -> [f64; 3] {
    let [r, g, b] = colour.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let xyz = [
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.0888,
    ];
    let [x, y, z] =
        xyz.map(
            |value: f64| {
                if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 }
            },
        );
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn ten_classes_are_told_apart_by_colour_and_few_look_grey() -> Outcome {
    let (samples, more) = legend(10, 10)?;
    assert_eq!(more, 0);
    let colours: Vec<_> = samples.iter().map(|sample| lab(over(colour(sample), WHITE))).collect();
    for (index, one) in colours.iter().enumerate() {
        for (earlier, other) in colours[..index].iter().enumerate() {
            let apart: f64 = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
            assert!(apart.sqrt() > 25.0, "{earlier} and {index} are {} apart", apart.sqrt());
        }
    }
    let greys = colours.iter().filter(|[_, a, b]| a.hypot(*b) < 15.0).count();
    assert!(greys <= 1, "{greys} greys: {colours:?}");
    Ok(())
}

#[test]
fn up_to_seventy_classes_have_marks_of_their_own() -> Outcome {
    let (samples, more) = legend(70, 70)?;
    assert_eq!(more, 0);
    for (index, one) in samples.iter().enumerate() {
        assert!(one.len() > 20, "class {index} has a mark of {} pixels", one.len());
        for (earlier, other) in samples[..index].iter().enumerate() {
            let same = one.iter().filter(|&&(x, y, colour)| {
                other.iter().any(|&(a, b, c)| (a, b) == (x, y) && distance(c, colour) < 60)
            });
            let share = same.count() as f64 / one.len().max(other.len()) as f64;
            assert!(share < 0.85, "{earlier} and {index} look alike: {share}");
        }
    }
    // The same colours in another shape.
    assert!(distance(colour(&samples[0]), colour(&samples[20])) <= 12);
    // More are listed from the first to the last.
    let (samples, more) = legend(200, 70)?;
    assert!(more > 150, "the legend does not say how many there are");
    assert!(distance(colour(&samples[0]), colour(&samples[69])) > 100);
    Ok(())
}

#[test]
fn many_classes_are_named_where_their_points_are() -> Outcome {
    for (count, is_named) in [(20, false), (21, true), (62, true)] {
        let names = names(count);
        let means = [-3.0, 2.0, -2.9, 2.1, -3.1, 1.9, 3.0, -2.0, 2.9, -2.1, 3.1, -1.9];
        let classes = Classes { names: &names, labels: &[0, 0, 0, 4, 4, 4] };
        let picture = draw("", &scattered(&means, Some(classes)))?;
        let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
        for (first, second) in [(-3.0, 2.0), (3.0, -2.0)] {
            let (x, y) = frame.at(END, first, second);
            let is_ink =
                |p: Rgb<u8>| p[0] < 90 && p[0].abs_diff(p[2]) < 12 && p[0].abs_diff(p[1]) < 12;
            let ink = places(&picture, (x - 30, x + 31), (y - 10, y + 11), is_ink).len();
            assert_eq!(ink > 60, is_named, "{count} classes: {ink} pixels");
            // The three means around it are not hidden.
            let is_point = |p: Rgb<u8>| p[0].abs_diff(p[1]) > 40 || p[2].abs_diff(p[1]) > 40;
            let points = places(&picture, (x - 30, x + 31), (y - 10, y + 11), is_point).len();
            assert!(points > 15, "{count} classes: {points} pixels of points");
        }
    }
    Ok(())
}

#[test]
fn means_beyond_the_limits_stand_at_the_edge_and_are_counted() -> Outcome {
    let caption_end = |picture: &RgbImage, frame: &Frame| {
        let across = (frame.left, picture.width());
        let ink = places(picture, across, (frame.top - 30, frame.top - 8), |p| p[0] < 100);
        ink.iter().map(|place| place.0 - frame.left).max().unwrap_or(0)
    };
    let look = |means: &[f32]| -> Result<_, Box<dyn StdError>> {
        let names = names(1);
        let labels = vec![0; means.len() / 2];
        let picture =
            draw("", &scattered(means, Some(Classes { names: &names, labels: &labels })))?;
        assert_margins_are_white(&picture, "far means");
        let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
        let (x, y) = sample(&frame, 0);
        let colour = *picture.get_pixel(x, y);
        let is_point = move |pixel| distance(pixel, over(colour, WHITE)) < 30;
        Ok((caption_end(&picture, &frame), picture, frame, is_point))
    };
    let (short, picture, frame, is_point) = look(&[0.7, 0.7, -0.7, 1.7])?;
    let within =
        |frame: &Frame| ((frame.left - 3, frame.right + 4), (frame.top - 3, frame.bottom + 4));
    let (across, down) = within(&frame);
    let before = places(&picture, across, down, is_point).len();
    let (long, picture, frame, is_point) = look(&[0.7, 0.7, -0.7, 1.7, 500.0, 2.5, -1.5, -80.0])?;
    let (across, down) = within(&frame);
    let points = places(&picture, across, down, is_point);
    assert!(points.len() >= before + 8, "{} and {before} pixels", points.len());
    for place in [frame.at(END, LIMIT, 2.5), frame.at(END, -1.5, -LIMIT)] {
        let near = points.iter().filter(|p| p.0.abs_diff(place.0) < 4 && p.1.abs_diff(place.1) < 4);
        assert!(near.count() >= 4, "nothing at {place:?}");
    }
    assert!(long > short + 150, "the caption ends at {long}, without far means at {short}");
    Ok(())
}
