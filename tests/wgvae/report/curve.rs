//! ELBO, log-likelihood and KL by epoch: each panel's lines run through its own numbers, and what
//! cannot be drawn is refused.

use std::error::Error as StdError;

use image::{Rgb, RgbImage};
use wgvae::Error;
use wgvae::eval::Measures;
use wgvae::report::{Curve, EpochPoint, StepPoint, elbo_curve};

use super::{Outcome, assert_margins_are_white, curve, places, run};

pub(super) const TRAIN: Rgb<u8> = Rgb([0, 114, 178]);
pub(super) const TEST: Rgb<u8> = Rgb([213, 94, 0]);
const STEPS: Rgb<u8> = Rgb([163, 205, 228]);

/// Name, upper and lower edge of each panel's frame.
pub(super) const FRAMES: [(&str, u32, u32); 3] =
    [("ELBO", 134, 474), ("log-likelihood", 514, 684), ("KL", 724, 894)];

pub(super) fn draw_curve(
    title: &str,
    points: &[EpochPoint],
) -> Result<RgbImage, Box<dyn StdError>> {
    draw_with_steps(title, points, &[])
}

fn draw_with_steps(
    title: &str,
    points: &[EpochPoint],
    steps: &[StepPoint],
) -> Result<RgbImage, Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("elbo.png");
    elbo_curve(&path, &Curve { title, ..curve(points, steps) })?.save(&path)?;
    Ok(image::open(&path)?.into_rgb8())
}

#[test]
fn each_panel_runs_straight_through_its_own_numbers() -> Outcome {
    // Of ELBO, log-likelihood and KL: three epochs of training, and the test set's in all three.
    let train = [[-100.0, -95.0, -90.0], [-70.0, -67.5, -65.0], [25.0, 17.5, 10.0]];
    let test = [-80.0, -50.0, 5.0];
    let measures = |[elbo, log_likelihood, kl]: [f64; 3]| Measures { elbo, log_likelihood, kl };
    let points: Vec<_> = (0..3)
        .map(|n| EpochPoint {
            epoch: n as u32 + 1,
            train: measures(train.map(|values| values[n])),
            test: measures(test),
        })
        .collect();
    let picture = draw_curve("Three panels", &points)?;
    for (panel, (name, top, bottom)) in FRAMES.into_iter().enumerate() {
        let drawn = |colour| places(&picture, (95, 980), (top + 4, bottom - 1), |p| p == colour);
        let line = drawn(TRAIN);
        let edge = |x: Option<u32>| x.unwrap_or(0);
        let left = edge(line.iter().map(|place| place.0).min());
        let right = edge(line.iter().map(|place| place.0).max());
        let mean = |places: &mut dyn Iterator<Item = &(u32, u32)>| {
            let heights: Vec<_> = places.map(|place| f64::from(place.1)).collect();
            heights.iter().sum::<f64>() / heights.len() as f64
        };
        let height = |x: u32| mean(&mut line.iter().filter(|place| place.0 == x));
        let (start, middle, end) =
            (height(left), height(u32::midpoint(left, right)), height(right));
        let rise = start - end;
        let tall = f64::from(bottom - top);
        assert!(rise.abs() > 0.2 * tall, "{name}: the curve is flat: {start} to {end}");
        assert!((middle - (start + end) / 2.0).abs() <= 1.5, "{name}: {start}, {middle}, {end}");
        // A pixel is worth the same everywhere, and the test line lies where its number says.
        let [first, _, last] = train[panel];
        let expected = (test[panel] - first) / (last - first) * rise;
        let test = start - mean(&mut drawn(TEST).iter());
        assert!((test - expected).abs() <= 4.0, "{name}: {start}, {end}, test {test} above");
        assert!(rise * (last - first) > 0.0, "{name}: upside down");
    }
    Ok(())
}

#[test]
fn curves_of_any_length_are_drawn_whole() -> Outcome {
    for count in [1, 2, 3, 30, 100, 12_000] {
        let falling = |epoch: usize, by: f64| -85.0 - by / epoch as f64;
        let points: Vec<_> = (1..=count).map(|e| (falling(e, 100.0), falling(e, 60.0))).collect();
        let picture = draw_curve(&format!("{count} epochs"), &run(&points))?;
        assert_eq!(picture.dimensions(), (1000, 966));
        assert_margins_are_white(&picture, &format!("{count} epochs"));
        for (name, top, bottom) in FRAMES {
            for colour in [TRAIN, TEST] {
                let within = (top + 4, bottom - 3);
                let drawn = places(&picture, (95, 980), within, |pixel| pixel == colour).len();
                assert!(drawn >= 20, "{count} epochs, {name}: {drawn} pixels of {colour:?}");
            }
        }
    }
    let title = "An ELBO by epoch with a title wider than usual ".repeat(4);
    let picture = draw_curve(&title, &run(&[(-90.0, -91.0)]))?;
    assert!(picture.width() > 1500);
    assert_margins_are_white(&picture, "a long title");
    Ok(())
}

#[test]
fn the_two_curves_differ_without_colour() -> Outcome {
    // So many epochs that no markers are drawn.
    let picture = draw_curve("", &run(&[(-90.0, -80.0); 100]))?;
    for (name, top, bottom) in FRAMES {
        let columns_without = |colour| {
            let drawn = places(&picture, (130, 960), (top, bottom), |pixel| pixel == colour);
            (130..960).filter(|x| drawn.iter().all(|place| place.0 != *x)).count()
        };
        assert_eq!(columns_without(TRAIN), 0, "{name}: the train line has gaps");
        let gaps = columns_without(TEST);
        assert!((150..500).contains(&gaps), "{name}: the test line is not dashed: {gaps}");
    }
    Ok(())
}

#[test]
fn curves_without_sense_are_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("elbo.png");
    let refuse = |points: &[EpochPoint], expected: &str| {
        let found = elbo_curve(&path, &curve(points, &[]));
        let Err(Error::Picture { path: named, message }) = found else {
            panic!("{expected}: {found:?}");
        };
        assert_eq!(named, path);
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        assert!(!path.exists(), "{expected}: a picture was written");
    };
    refuse(&[], "expected 1 or more epochs, found none");
    refuse(
        &run(&[(-1.0, -1.0), (f64::NAN, -1.0)]),
        "train ELBO of epoch 2: expected a finite f32, found NaN",
    );
    refuse(
        &run(&[(-1.0, f64::NEG_INFINITY)]),
        "test ELBO of epoch 1: expected a finite f32, found -inf",
    );
    refuse(&run(&[(f64::MAX, -1.0)]), "train ELBO of epoch 1: expected a finite f32");
    let mut terms = run(&[(-1.0, -1.0), (-2.0, -2.0)]);
    terms[1].test.log_likelihood = f64::INFINITY;
    refuse(&terms, "test log-likelihood of epoch 2: expected a finite f32, found inf");
    terms[1].test.log_likelihood = -1.0;
    terms[0].train.kl = f64::NAN;
    refuse(&terms, "train KL of epoch 1: expected a finite f32, found NaN");
    let mut twice = run(&[(-1.0, -1.0), (-2.0, -2.0)]);
    twice[1].epoch = 1;
    refuse(&twice, "expected an epoch after 1, found 1");
    let measures = Measures { elbo: -1.0, log_likelihood: f64::NAN, kl: 1.0 };
    let step = StepPoint { epoch: 0.5, measures };
    let refused = elbo_curve(&path, &curve(&run(&[(-1.0, -1.0)]), &[step]));
    assert!(
        refused.is_err_and(|e| e.to_string().contains("a batch in epoch 0.5: expected a finite"))
    );
    Ok(())
}

/// The left and right edge of all frames.
fn edges(picture: &RgbImage) -> (u32, u32) {
    let (_, top, bottom) = FRAMES[0];
    let is_frame = |x: &u32| (top..bottom).all(|y| picture.get_pixel(*x, y)[0] < 200);
    let edge = |x: Option<u32>| x.unwrap_or(0);
    (edge((60..500).find(is_frame)), edge((500..picture.width()).rfind(is_frame)))
}

#[test]
fn the_best_epoch_is_marked_in_every_panel() -> Outcome {
    for best in [1, 3, 5] {
        let mut points =
            [(-100.0, -95.0), (-99.0, -94.0), (-98.0, -93.0), (-97.0, -96.0), (-96.5, -97.0)];
        points[best - 1].1 = -91.0;
        // As good again: the first counts.
        points[4].1 = if best == 5 { -91.0 } else { points[best - 1].1 };
        let picture = draw_curve("", &run(&points))?;
        let (left, right) = edges(&picture);
        let place = |epoch: u32| left + (epoch * 2 - 1) * (right - left) / 10;
        for (name, top, bottom) in FRAMES {
            let dashes = |epoch: u32| {
                let x = place(epoch);
                let is_dash = |p: Rgb<u8>| p[0] < 140 && p[0].abs_diff(p[2]) < 30;
                places(&picture, (x - 1, x + 3), (top + 2, bottom - 2), is_dash).len()
            };
            let rows = (bottom - top) as usize;
            for epoch in 1..=5 {
                let is_marked = dashes(epoch) > rows / 3;
                assert_eq!(is_marked, epoch as usize == best, "{name}, {best}: epoch {epoch}");
            }
        }
    }
    // Other values, another sentence.
    let legend = |points: &[(f64, f64)]| -> Result<_, Box<dyn StdError>> {
        Ok(places(&draw_curve("", &run(points))?, (0, 500), (76, 100), |p| p[0] < 100))
    };
    assert!(legend(&[(-9.0, -8.0), (-9.0, -7.0)])? != legend(&[(-9.0, -8.0), (-9.0, -8.5)])?);
    Ok(())
}

/// A step of every quarter of an epoch, and what it came to.
fn quarters(epochs: u32) -> Vec<StepPoint> {
    let step = |quarter: u32| {
        let elbo = -200.0 + 10.0 * f64::from(quarter);
        let measures = Measures {
            elbo,
            log_likelihood: elbo + 25.0 - f64::from(quarter),
            kl: 25.0 - f64::from(quarter),
        };
        StepPoint { epoch: f64::from(quarter) / 4.0, measures }
    };
    (1..=4 * epochs).map(step).collect()
}

#[test]
fn single_batches_are_drawn_where_they_were() -> Outcome {
    let points = run(&[(-180.0, -120.0), (-140.0, -125.0)]);
    let without = draw_curve("", &points)?;
    assert!(places(&without, (0, 1000), (0, 966), |p| p == STEPS).is_empty());
    let picture = draw_with_steps("", &points, &quarters(2))?;
    let (left, right) = edges(&picture);
    let (_, top, bottom) = FRAMES[0];
    let line = places(&picture, (left + 3, right - 3), (top + 3, bottom - 3), |p| p == STEPS);
    // From the first quarter to the last of the second epoch, of 2.5 from 0 on.
    let at = |epoch: f64| left + (epoch / 2.5 * f64::from(right - left)) as u32;
    let ends = (line.iter().map(|p| p.0).min(), line.iter().map(|p| p.0).max());
    let (Some(from), Some(to)) = ends else { panic!("no line") };
    // -190 is below the scale of the epochs, so it begins at the edge, on its way to -180.
    assert!(at(0.2) < from && from < at(0.6) && to.abs_diff(at(2.0)) < 12, "{from} to {to}");
    // Rising all the way, above the line of the epochs.
    let is_light = |p: Rgb<u8>| p[0] > 150 && p[2].saturating_sub(p[0]) > 25;
    let line = places(&picture, (left + 3, right - 3), (top + 3, bottom - 3), is_light);
    let height = |x: u32| line.iter().filter(|p| p.0.abs_diff(x) < 3).map(|p| p.1).min();
    assert!(height(at(1.7)) < height(at(1.2)) && height(at(1.2)) < height(at(0.7)));
    Ok(())
}

#[test]
fn no_panel_of_one_epoch_is_empty() -> Outcome {
    let picture = draw_with_steps("", &run(&[(-180.0, -150.0)]), &quarters(1))?;
    let (left, right) = edges(&picture);
    let width = right - left;
    for (name, top, bottom) in FRAMES {
        let line = places(&picture, (left + 3, right - 3), (top + 3, bottom - 3), |p| p == STEPS);
        let from = line.iter().map(|p| p.0).min().ok_or("no line of batches")?;
        let to = line.iter().map(|p| p.0).max().ok_or("no line of batches")?;
        assert!(to - from > width / 3, "{name}: batches from {from} to {to}");
        let values = (left, left + 280);
        let ink = places(&picture, values, (top - 30, top - 10), |p| p[0] < 100).len();
        assert!(ink > 200, "{name}: no values in words");
    }
    Ok(())
}
