//! The ELBO by epoch: lines that rise where the numbers rise, and what the scale leaves out.

use std::error::Error as StdError;

use image::{Rgb, RgbImage};
use wgvae::Error;
use wgvae::report::{EpochPoint, elbo_curve, elbo_scale};

use super::{Outcome, assert_margins_are_white, places, run};

const TRAIN: Rgb<u8> = Rgb([0, 114, 178]);
const TEST: Rgb<u8> = Rgb([213, 94, 0]);

fn draw_curve(title: &str, points: &[EpochPoint]) -> Result<RgbImage, Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("elbo.png");
    elbo_curve(&path, title, points)?;
    Ok(image::open(&path)?.into_rgb8())
}

#[test]
fn a_curve_runs_straight_through_straight_numbers() -> Outcome {
    let picture = draw_curve("ELBO", &run(&[(-100.0, -80.0), (-95.0, -80.0), (-90.0, -80.0)]))?;
    let line = places(&picture, (95, 980), (90, 525), |pixel| pixel == TRAIN);
    let edge = |x: Option<u32>| x.unwrap_or(0);
    let left = edge(line.iter().map(|place| place.0).min());
    let right = edge(line.iter().map(|place| place.0).max());
    let height = |x: u32| {
        let column: Vec<f64> =
            line.iter().filter(|place| place.0 == x).map(|place| f64::from(place.1)).collect();
        column.iter().sum::<f64>() / column.len() as f64
    };
    let (start, middle, end) = (height(left), height(u32::midpoint(left, right)), height(right));
    assert!(start > end + 100.0, "the curve does not rise: {start} to {end}");
    assert!((middle - (start + end) / 2.0).abs() <= 1.5, "{start}, {middle}, {end}");
    // From -100 to -80 the test line lies as far above the end of the train line as that rose.
    let test = places(&picture, (95, 980), (90, 525), |pixel| pixel == TEST);
    let test = test.iter().map(|place| f64::from(place.1)).sum::<f64>() / test.len() as f64;
    assert!(((end - test) - (start - end)).abs() <= 3.0, "{start}, {end}, {test}");
    Ok(())
}

#[test]
fn curves_of_any_length_are_drawn_whole() -> Outcome {
    for count in [1, 2, 3, 30, 100, 12_000] {
        let falling = |epoch: usize, by: f64| -85.0 - by / epoch as f64;
        let points: Vec<_> = (1..=count).map(|e| (falling(e, 100.0), falling(e, 60.0))).collect();
        let picture = draw_curve(&format!("{count} epochs"), &run(&points))?;
        assert_eq!(picture.dimensions(), (1000, 600));
        assert_margins_are_white(&picture, &format!("{count} epochs"));
        for colour in [TRAIN, TEST] {
            let drawn = places(&picture, (95, 980), (90, 525), |pixel| pixel == colour).len();
            assert!(drawn >= 20, "{count} epochs: {drawn} pixels of {colour:?}");
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
    let columns_without = |colour| {
        let drawn = places(&picture, (110, 960), (90, 525), |pixel| pixel == colour);
        (110..960).filter(|x| drawn.iter().all(|place| place.0 != *x)).count()
    };
    assert_eq!(columns_without(TRAIN), 0, "the train line has gaps");
    let gaps = columns_without(TEST);
    assert!((150..500).contains(&gaps), "the test line is not dashed: {gaps}");
    Ok(())
}

#[test]
fn the_scale_leaves_out_only_what_lies_far_below() {
    let mut points: Vec<_> = (0..20).map(|n| (-90.0 - f64::from(n), -91.0)).collect();
    let all = elbo_scale(&run(&points));
    assert!(all.low < -109.0 && all.low > -115.0 && all.high > -90.0 && all.high < -85.0);
    points[0] = (-1000.0, -3.4e38);
    let most = elbo_scale(&run(&points));
    assert!(most.low < -109.0 && most.low > -115.0, "{most:?}");
    points[3].0 = 500.0;
    assert!(elbo_scale(&run(&points)).high > 500.0, "the highest value is always shown");
    // Beyond the fence, but leaving it out would gain little.
    points = vec![(-90.0, -90.2); 20];
    points[0].0 = -90.7;
    points[1].0 = -91.2;
    assert!(elbo_scale(&run(&points)).low < -91.2);
    points[1].0 = -91.6;
    assert!(elbo_scale(&run(&points)).low > -91.0);
    // Too few to say which is the odd one.
    let two = elbo_scale(&run(&[(-900.0, -140.0), (-100.0, -99.0)]));
    assert!(two.low < -900.0 && two.high > -99.0);
    // A constant, but for less than is worth magnifying.
    let mut flat = [(-90.0, -90.0); 9];
    flat[4].0 = -90.02;
    let flat = elbo_scale(&run(&flat));
    assert!(flat.low < -90.02 && flat.high > -90.0 && flat.high - flat.low >= 0.0999);
}

#[test]
fn values_below_the_scale_are_marked_and_counted() -> Outcome {
    let mut points = vec![(-90.0, -91.0); 30];
    points.iter_mut().zip(0..).for_each(|(point, n)| point.0 -= f64::from(n) * 0.1);
    let note = |picture: &RgbImage| places(picture, (400, 990), (56, 78), |p| p[0] < 100).len();
    let edge = |picture: &RgbImage, colour| places(picture, (85, 980), (510, 526), |p| p == colour);
    let none = draw_curve("", &run(&points))?;
    assert_eq!(note(&none), 0);
    assert_eq!((edge(&none, TRAIN).len(), edge(&none, TEST).len()), (0, 0));

    points[0] = (-500.0, -400.0);
    points[20].1 = -1e9;
    let some = draw_curve("", &run(&points))?;
    assert!(note(&some) > 200, "no note");
    assert_margins_are_white(&some, "hidden values");
    let frame = places(&some, (60, 500), (270, 271), |pixel| pixel[0] < 200);
    let left = frame.iter().map(|place| place.0).min().unwrap_or(0);
    // 30 epochs share about 872 pixels: the first is marked 15 from the frame, the 21st 596.
    for (colour, from) in [(TRAIN, left + 9), (TEST, left + 9), (TEST, left + 590)] {
        let marks = edge(&some, colour);
        let marks = marks.iter().filter(|place| (from..from + 12).contains(&place.0)).count();
        assert!(marks > 15, "{marks} pixels of a triangle in {colour:?} from {from}");
    }
    Ok(())
}

#[test]
fn curves_without_sense_are_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("elbo.png");
    let refuse = |points: &[EpochPoint], expected: &str| {
        let found = elbo_curve(&path, "", points);
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
    let mut twice = run(&[(-1.0, -1.0), (-2.0, -2.0)]);
    twice[1].epoch = 1;
    refuse(&twice, "expected an epoch after 1, found 1");
    Ok(())
}
