//! What a panel's scale leaves out, how that is told, and what the panels share.

use image::RgbImage;
use wgvae::eval::Measures;
use wgvae::report::{EpochPoint, Far, Scale};

use super::curve::{FRAMES, TEST, TRAIN, draw_curve};
use super::{Outcome, WHITE, assert_margins_are_white, places, run};

/// The scale of all these values, once its mirror image is known to be that of their opposites.
fn below(points: &[(f64, f64)]) -> Scale {
    let values: Vec<f64> = points.iter().flat_map(|&(train, test)| [train, test]).collect();
    let scale = Scale::of(values.clone(), &[Far::Below]);
    let mirror = Scale::of(values.iter().map(|value| -value).collect(), &[Far::Above]);
    let error = (mirror.low + scale.high).abs().max((mirror.high + scale.low).abs());
    assert!(error <= 1e-9, "{scale:?}, mirrored {mirror:?}");
    scale
}

#[test]
fn the_scale_leaves_out_only_what_lies_far_to_one_side() {
    let mut points: Vec<_> = (0..20).map(|n| (-90.0 - f64::from(n), -91.0)).collect();
    let all = below(&points);
    assert!(all.low < -109.0 && all.low > -115.0 && all.high > -90.0 && all.high < -85.0);
    points[0] = (-1000.0, -3.4e38);
    let most = below(&points);
    assert!(most.low < -109.0 && most.low > -115.0, "{most:?}");
    points[3].0 = 500.0;
    assert!(below(&points).high > 500.0, "the highest value is always shown");
    // Quartiles of -1 and 0: the fence stands at -4.
    points = vec![(0.0, -1.0); 20];
    points[0].1 = -3.9;
    assert!(below(&points).low < -3.9);
    points[0].1 = -4.1;
    assert!(below(&points).low > -1.1);
    // Beyond the fence, but leaving it out would gain little.
    points = vec![(-90.0, -90.2); 20];
    points[0].0 = -90.7;
    points[1].0 = -91.2;
    assert!(below(&points).low < -91.2);
    points[1].0 = -91.6;
    assert!(below(&points).low > -91.0);
    // Too few to say which is the odd one.
    let two = below(&[(-900.0, -140.0), (-100.0, -99.0)]);
    assert!(two.low < -900.0 && two.high > -99.0);
    // A constant, but for less than is worth magnifying.
    let mut flat = [(-90.0, -90.0); 9];
    flat[4].0 = -90.02;
    let flat = below(&flat);
    assert!(flat.low < -90.02 && flat.high > -90.0 && flat.high - flat.low >= 0.0999);
}

/// Pixels of the note above a panel.
fn note(picture: &RgbImage, top: u32) -> usize {
    places(picture, (400, 990), (top - 30, top - 8), |pixel| pixel[0] < 100).len()
}

/// Epochs whose ELBO and log-likelihood are these, of training and test, and the KL the opposite.
fn mirrored(points: &[(f64, f64)]) -> Vec<EpochPoint> {
    let measures = |value: f64| Measures { elbo: value, log_likelihood: value, kl: -value };
    let numbered = (1..).zip(points);
    numbered
        .map(|(epoch, &(train, test))| EpochPoint {
            epoch,
            train: measures(train),
            test: measures(test),
        })
        .collect()
}

#[test]
fn values_beyond_the_scale_are_marked_and_counted() -> Outcome {
    let mut points = vec![(-90.0, -91.0); 30];
    points.iter_mut().zip(0..).for_each(|(point, n)| point.0 -= f64::from(n) * 0.1);
    let none = draw_curve("", &mirrored(&points))?;
    points[0] = (-500.0, -400.0);
    points[20].1 = -1e9;
    let some = draw_curve("", &mirrored(&points))?;
    assert_margins_are_white(&some, "hidden values");
    for (name, top, bottom) in FRAMES {
        let rows = if name == "KL" { (top + 2, top + 18) } else { (bottom - 18, bottom - 2) };
        let edge = |picture: &RgbImage, colour| places(picture, (85, 850), rows, |p| p == colour);
        assert_eq!(note(&none, top), 0, "{name}");
        assert_eq!((edge(&none, TRAIN).len(), edge(&none, TEST).len()), (0, 0), "{name}");
        assert!(note(&some, top) > 200, "{name}: no note");
        let dark = |&x: &u32| (top..bottom).all(|y| some.get_pixel(x, y)[0] < 200);
        let left = (60..500).find(dark).unwrap_or(0);
        // 30 epochs share about 850 pixels: the first is marked 14 from the frame, the 21st 580.
        for (colour, from) in [(TRAIN, left + 9), (TEST, left + 9), (TEST, left + 574)] {
            let marks = edge(&some, colour);
            let marks = marks.iter().filter(|place| (from..from + 12).contains(&place.0)).count();
            assert!(marks > 15, "{name}: {marks} pixels of a triangle in {colour:?} from {from}");
        }
    }
    Ok(())
}

#[test]
fn a_panel_tells_only_of_its_own_hidden_values() -> Outcome {
    let mut points = run(&[(-90.0, -91.0); 30]);
    points[0].test.log_likelihood = -900.0;
    let picture = draw_curve("", &points)?;
    assert_eq!(FRAMES.map(|(_, top, _)| note(&picture, top) > 200), [false, true, false]);
    points[0].test.log_likelihood = -67.0;
    points[0].train.kl = 900.0;
    let picture = draw_curve("", &points)?;
    assert_eq!(FRAMES.map(|(_, top, _)| note(&picture, top) > 200), [false, false, true]);
    // A low KL is no outlier.
    points[0].train.kl = 0.0;
    let picture = draw_curve("", &points)?;
    assert_eq!(FRAMES.map(|(_, top, _)| note(&picture, top)), [0; 3]);
    Ok(())
}

#[test]
fn panels_have_names_of_their_own_and_share_the_epochs() -> Outcome {
    let picture = draw_curve("", &run(&[(-90.0, -91.0); 30]))?;
    let ink = |across, rows| places(&picture, across, rows, |pixel| pixel != WHITE).len();
    for (name, top, bottom) in FRAMES {
        // Its name, and beside that the unit, which is longer than the name of any.
        let (unit, named) = (ink((38, 58), (top, bottom)), ink((10, 36), (top, bottom)));
        assert!(named > 100 && unit > named, "{name}: {named} pixels of name, {unit} of unit");
        let labels = ink((62, 112), (top, bottom));
        assert!(labels > 200, "{name}: {labels} pixels of labels");
    }
    for pair in FRAMES.windows(2) {
        let between = (pair[0].2 + 3, pair[1].1 - 3);
        assert_eq!(ink((400, 1000), between), 0, "below {}", pair[0].0);
        // The values of the last epoch.
        assert!(ink((121, 400), between) > 200, "above {}", pair[1].0);
    }
    // Labels of the epochs, then the name.
    assert!(ink((121, 990), (900, 916)) > 200 && ink((500, 600), (922, 940)) > 100);
    // Vertical lines stand at the same epochs in all.
    let lines =
        FRAMES.map(|(_, top, _)| places(&picture, (125, 960), (top + 2, top + 3), |p| p != WHITE));
    let columns = lines.map(|line| line.iter().map(|place| place.0).collect::<Vec<_>>());
    assert!(columns[0].len() >= 5 && columns[1..].iter().all(|other| *other == columns[0]));
    Ok(())
}
