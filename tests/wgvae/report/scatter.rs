//! Posterior means of two latent units: each where its ticks cross, in the look of its class.

use std::error::Error as StdError;

use image::{Rgb, RgbImage};
use wgvae::report::{Classes, Manifold};

use super::manifold::{Frame, draw, names};
use super::{Outcome, WHITE, assert_margins_are_white, places};

/// One grey image, and these means.
fn scattered<'a>(means: &'a [f32], classes: Option<Classes<'a>>) -> Manifold<'a> {
    Manifold { side: 1, range: 2.0, size: (1, 1), images: &[0.5], means, classes }
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
        [-4.0, -1.2],
        [4.0, 1.2],
        [2.6, -1.4],
        [-3.3, 0.7],
        [-1.3, -2.7],
        // One place, twice.
        [0.5, 3.3],
        [0.5, 3.3],
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
        let (x, y) = frame.at(4.0, second.into(), first.into());
        let found = *picture.get_pixel(x, y);
        assert!(distance(found, expected) <= 6, "({first}, {second}): {found:?}");
        if first.abs() < 4.0 {
            let around = places(&picture, (x - 8, x + 9), (y - 8, y + 9), |pixel| pixel != WHITE);
            assert!((10..=25).contains(&around.len()), "a point of {} pixels", around.len());
        }
    }
    // The later covers the earlier.
    let (x, y) = frame.at(4.0, 3.3, 0.5);
    let expected = over(colours[1], over(colours[3], WHITE));
    assert!(distance(*picture.get_pixel(x, y), expected) <= 6);
    Ok(())
}

#[test]
fn a_unit_is_as_long_up_as_across() -> Outcome {
    for means in [[-4.0, -1.2, 4.0, 1.2], [-1.2, -4.0, 1.2, 4.0]] {
        let picture = draw("", &scattered(&means, None))?;
        let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
        // The outermost ticks are -4 and 4 either way.
        let [across, up] =
            [&frame.across, &frame.up].map(|ticks| (ticks[ticks.len() - 1] - ticks[0]).abs());
        assert!((across - up).abs() <= 1.0, "4 and -4 are {across} apart across, {up} up");
    }
    Ok(())
}

#[test]
fn classes_differ_in_colour_then_in_shape_then_in_hue() -> Outcome {
    let legend = |count: usize| -> Result<_, Box<dyn StdError>> {
        let names = names(count);
        let classes = Classes { names: &names, labels: &[0] };
        let picture = draw("", &scattered(&[0.0, 0.0], Some(classes)))?;
        let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
        let samples: Vec<_> = (0..count.min(20) as u32)
            .map(|entry| {
                let (x, y) = sample(&frame, entry);
                let drawn = places(&picture, (x - 8, x + 9), (y - 8, y + 9), |p| p != WHITE);
                (*picture.get_pixel(x, y), drawn.len())
            })
            .collect();
        let (_, last) = sample(&frame, count.min(20) as u32);
        let text = (frame.right + 40, picture.width());
        let more = places(&picture, text, (last - 10, last + 10), |pixel| pixel[0] < 100).len();
        Ok((samples, more))
    };
    let differ = |samples: &[(Rgb<u8>, usize)], least: u32| {
        for (index, one) in samples.iter().enumerate() {
            for other in &samples[..index] {
                assert!(distance(one.0, other.0) >= least, "{one:?} and {other:?}");
            }
        }
    };
    let (twenty, more) = legend(20)?;
    differ(&twenty[..10], 60);
    assert_eq!(more, 0);
    for (disc, cross) in twenty[..10].iter().zip(&twenty[10..]) {
        assert!(distance(disc.0, cross.0) <= 12, "{disc:?} and {cross:?}");
        assert!(cross.1 * 3 < disc.1 * 2, "{} and {} pixels", disc.1, cross.1);
    }
    let (many, more) = legend(47)?;
    differ(&many, 20);
    assert!(more > 150, "the legend does not say how many there are");
    Ok(())
}

#[test]
fn means_far_away_are_counted_and_do_not_press_the_others_together() -> Outcome {
    let mut means: Vec<f32> =
        (0..400).map(|index| ((index * 37) % 101) as f32 * 0.06 - 3.0).collect();
    means.extend([2.9, -2.9]);
    let names = names(2);
    let labels: Vec<u16> = (0..203).map(|index| u16::from(index == 200)).collect();
    let caption_end = |picture: &RgbImage, frame: &Frame| {
        let across = (frame.left, picture.width());
        let ink = places(picture, across, (frame.top - 30, frame.top - 8), |p| p[0] < 100);
        ink.iter().map(|place| place.0 - frame.left).max().unwrap_or(0)
    };
    let look = |means: &[f32]| -> Result<_, Box<dyn StdError>> {
        let classes = Classes { names: &names, labels: &labels[..means.len() / 2] };
        let picture = draw("", &scattered(means, Some(classes)))?;
        assert_margins_are_white(&picture, "far means");
        let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
        let (x, y) = sample(&frame, 1);
        let marked = over(*picture.get_pixel(x, y), WHITE);
        let within = (frame.left, frame.right);
        let place =
            places(&picture, within, (frame.top, frame.bottom), |p| distance(p, marked) < 6);
        let caption = caption_end(&picture, &frame);
        Ok((place, caption))
    };
    let (without, short) = look(&means)?;
    assert!(!without.is_empty());
    means.extend([500.0, 0.0, 0.0, -80.0]);
    let (with, long) = look(&means)?;
    assert_eq!(with, without, "the scale has changed");
    assert!(long > short + 150, "the caption ends at {long}, without far means at {short}");
    Ok(())
}

#[test]
fn an_outline_shows_where_the_images_lie() -> Outcome {
    let look = |range: f32| -> Result<_, Box<dyn StdError>> {
        let means = [-4.0, -4.0, 4.0, 4.0];
        let picture = draw("", &Manifold { range, ..scattered(&means, None) })?;
        let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
        let text = (frame.right + 40, picture.width());
        let legend = places(&picture, text, (frame.top, frame.bottom), |pixel| pixel[0] < 100);
        let (across, down) = ((frame.left + 4, frame.right - 4), (frame.top + 4, frame.bottom - 4));
        // Points are blue, the grid is lighter.
        let dark = places(&picture, across, down, |pixel| pixel[2] < 110);
        Ok((dark, frame, legend.len()))
    };
    let (dark, frame, legend) = look(2.6)?;
    assert!(legend > 100, "no legend");
    let (left, bottom) = frame.at(4.0, -2.6, -2.6);
    let (right, top) = frame.at(4.0, 2.6, 2.6);
    let near = |one: u32, other: u32| one.abs_diff(other) <= 1;
    for edge in [left, right] {
        let drawn = dark.iter().filter(|place| near(place.0, edge)).count();
        assert!(drawn > 150, "{drawn} pixels at x = {edge}");
    }
    for edge in [top, bottom] {
        let drawn = dark.iter().filter(|place| near(place.1, edge)).count();
        assert!(drawn > 150, "{drawn} pixels at y = {edge}");
    }
    for (x, y) in dark {
        assert!((left - 1..=right + 1).contains(&x) && (top - 1..=bottom + 1).contains(&y));
        assert!(near(x, left) || near(x, right) || near(y, top) || near(y, bottom));
    }
    let (dark, _, legend) = look(5.0)?;
    assert_eq!((dark.len(), legend), (0, 0), "an outline that cannot be seen");
    Ok(())
}
