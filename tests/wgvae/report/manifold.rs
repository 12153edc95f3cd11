//! Images decoded from two latent units: each where its latents say, read off the ticks.

use std::error::Error as StdError;

use image::{Rgb, RgbImage};
use wgvae::Error;
use wgvae::report::{Classes, Manifold, grid_latents, manifold};

use super::{Outcome, WHITE, assert_margins_are_white, places};

pub(super) fn draw(title: &str, what: &Manifold) -> Result<RgbImage, Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("manifold.png");
    manifold(&path, title, what)?;
    Ok(image::open(&path)?.into_rgb8())
}

pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

/// A frame in a picture, and where its ticks stand.
pub(super) struct Frame {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    /// From left to right.
    pub(super) across: Vec<f64>,
    /// From bottom to top.
    pub(super) up: Vec<f64>,
}

impl Frame {
    /// The first one right of `from`: a column with hundreds of pixels that are not white.
    pub(super) fn after(picture: &RgbImage, from: u32) -> Self {
        let inked = |x: u32, y: u32| *picture.get_pixel(x, y) != WHITE;
        let run = |x: u32, top: u32| (top..picture.height()).take_while(|&y| inked(x, y)).count();
        let runs = (from..picture.width()).flat_map(|x| (60..200).map(move |y| (x, y)));
        let corner = runs.into_iter().find(|&(x, y)| run(x, y) >= 400);
        let (left, top) = corner.unwrap_or_else(|| panic!("no frame right of {from}"));
        let width = (left..picture.width()).take_while(|&x| inked(x, top)).count() as u32;
        let height = run(left, top) as u32;
        let (right, bottom) = (left + width - 1, top + height - 1);
        let below = (left..=right).filter(|&x| inked(x, bottom + 2)).collect();
        let beside = (top..=bottom).filter(|&y| inked(left - 2, y)).collect();
        let mut up = middles(beside);
        up.reverse();
        Self { left, top, right, bottom, across: middles(below), up }
    }

    /// The place of two values, where the outermost ticks stand for `-end` and `end`.
    pub(super) fn at(&self, end: f64, across: f64, up: f64) -> (u32, u32) {
        let along = |ticks: &[f64], value: f64| {
            let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
            (first + (last - first) * (value + end) / (2.0 * end)).floor() as u32
        };
        (along(&self.across, across), along(&self.up, up))
    }
}

/// The middles of runs of neighbours, as lengths from the edge of the picture.
fn middles(places: Vec<u32>) -> Vec<f64> {
    let runs = places.chunk_by(|one, next| one + 1 == *next);
    runs.map(|run| f64::from(run[0] + run[run.len() - 1] + 1) / 2.0).collect()
}

#[test]
fn latents_follow_each_other_as_images_are_read() -> Outcome {
    let latents = grid_latents(3, 2.5)?;
    assert_eq!((latents.rows(), latents.columns()), (9, 2));
    let (low, high) = (-2.5, 2.5);
    let rows = [[high, low], [high, 0.0], [high, high], [0.0, low], [0.0, 0.0], [0.0, high]];
    assert_eq!(&latents.values()[..12], rows.as_flattened());
    assert_eq!(&latents.values()[12..], [low, low, low, 0.0, low, high]);
    assert_eq!(grid_latents(1, 3.0)?.values(), [0.0, 0.0]);
    assert_eq!(grid_latents(2, 0.1)?.values()[..4], [0.1, -0.1, 0.1, 0.1]);
    assert_eq!(grid_latents(0, 3.0)?.rows(), 0);
    Ok(())
}

#[test]
fn an_image_stands_where_the_ticks_of_its_latents_cross() -> Outcome {
    // 2 x 3 pixels, neighbours different, of which each is drawn 25 by 25.
    let latents = grid_latents(9, 2.0)?;
    let image = |latent: &[f32]| {
        let number = (latent[0] * 2.0 + 4.0) as u32 * 9 + (latent[1] * 2.0 + 4.0) as u32;
        (0..6).map(move |pixel| ((number * 37 + pixel * 11) % 251) as f32 / 255.0)
    };
    let images: Vec<f32> = latents.values().chunks(2).flat_map(image).collect();
    let means = [0.0, 0.0];
    let (side, size) = (9, (2, 3));
    let what = Manifold { side, range: 2.0, size, images: &images, means: &means, classes: None };
    let picture = draw("Images", &what)?;
    let frame = Frame::after(&picture, 30);
    assert_eq!((frame.right - frame.left - 1, frame.bottom - frame.top - 1), (675, 450));
    // From -2 to 2 by halves.
    assert_eq!((frame.across.len(), frame.up.len()), (9, 9));
    // A minus makes labels longer: at the left and at the bottom.
    let ink = |x: u32, y: u32| {
        places(&picture, (x - 24, x + 24), (y - 8, y + 8), |pixel| pixel[0] < 128).len()
    };
    let [left, right] = [0, 8].map(|tick| ink(frame.across[tick] as u32, frame.bottom + 16));
    let [bottom, top] = [0, 8].map(|tick| ink(frame.left - 30, frame.up[tick] as u32));
    assert!(left > right + 8 && bottom > top + 8, "{left}, {right}; {bottom}, {top}");
    for latent in latents.values().chunks(2) {
        let expected: Vec<_> = image(latent).collect();
        let (x, y) = frame.at(2.0, latent[1].into(), latent[0].into());
        // Just within the corners, and at both sides of the lines between pixels.
        for (row, down) in [(0, -24), (0, -2), (1, 1), (1, 23)] {
            for (column, right) in [(0, -36), (0, -14), (1, -11), (1, 11), (2, 14), (2, 36)] {
                let place = (x.saturating_add_signed(right), y.saturating_add_signed(down));
                let grey = (expected[row * 3 + column] * 255.0).round() as u8;
                let found = *picture.get_pixel(place.0, place.1);
                assert_eq!(found, Rgb([grey; 3]), "{latent:?}: pixel {row}, {column}");
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_is_cut_off() -> Outcome {
    // Side, rows and columns, classes, factor.
    let cases = [
        (1, (1, 1), 0, 680),
        (20, (28, 28), 10, 1),
        (10, (28, 28), 200, 2),
        (3, (1, 400), 2, 1),
        (2, (300, 2), 1, 1),
    ];
    let title = "A title that is wider than many of the pictures below it ".repeat(4);
    for (side, (rows, columns), count, factor) in cases {
        let what = format!("{side} x {side} images of {rows} x {columns}, {count} classes");
        let images = vec![0.25; side * side * rows * columns];
        let names = names(count);
        let means = [-1e6, 3e6, 2e6, -3e6];
        let classes = Classes { names: &names, labels: &[0, 0] };
        let classes = (count > 0).then_some(classes);
        let size = (rows, columns);
        let what_is_drawn =
            Manifold { side, range: 1.5, size, images: &images, means: &means, classes };
        let picture = draw(["", &title][side % 2], &what_is_drawn)?;
        assert_margins_are_white(&picture, &what);
        let grey = Rgb([64; 3]);
        let found =
            places(&picture, (0, picture.width()), (0, picture.height()), |p| p == grey).len();
        assert!(found >= images.len() * factor * factor, "{what}: {found} pixels");
    }
    Ok(())
}

#[test]
fn the_caption_of_a_narrow_grid_has_room() -> Outcome {
    let images = [0.25; 4 * 600];
    let (side, size, means) = (2, (300, 2), [0.0, 0.0]);
    let what = Manifold { side, range: 1.5, size, images: &images, means: &means, classes: None };
    let picture = draw("", &what)?;
    let top = Frame::after(&picture, 30).top;
    let captions = (top - 30, top - 8);
    let ink = places(&picture, (0, picture.width()), captions, |pixel| pixel[0] < 128);
    let mut columns: Vec<u32> = ink.iter().map(|place| place.0).collect();
    columns.sort_unstable();
    let widest = columns.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(widest > Some(60), "captions are {widest:?} apart");
    Ok(())
}

#[test]
fn a_manifold_that_does_not_fit_together_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("manifold.png");
    let refuse = |what: &Manifold, expected: &str| {
        let found = manifold(&path, "", what);
        let Err(Error::Picture { path: named, message }) = found else {
            panic!("{expected}: {found:?}");
        };
        assert_eq!(named, path);
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        assert!(!path.exists(), "{expected}: a picture was written");
    };
    let (images, means) = ([0.5; 24], [0.0; 6]);
    let good = Manifold {
        side: 2,
        range: 2.0,
        size: (2, 3),
        images: &images,
        means: &means,
        classes: None,
    };
    refuse(&Manifold { side: 0, ..good }, "expected 1 or more images a side, found 0");
    refuse(&Manifold { side: 3, ..good }, "expected 3 x 3 images, found 4");
    refuse(&Manifold { side: usize::MAX, ..good }, "images, found 4");
    refuse(&Manifold { range: 0.0, ..good }, "expected a finite range above 0, found 0");
    refuse(&Manifold { range: f32::NAN, ..good }, "expected a finite range above 0, found NaN");
    refuse(
        &Manifold { range: f32::INFINITY, ..good },
        "expected a finite range above 0, found inf",
    );
    refuse(&Manifold { size: (0, 3), ..good }, "expected images with pixels, found 0 x 3");
    refuse(&Manifold { images: &[], ..good }, "expected 1 or more images, found none");
    refuse(
        &Manifold { images: &images[1..], ..good },
        "\"decoded images\": expected a multiple of 2 x 3 values, found 23",
    );
    let mut bad = images;
    bad[13] = f32::NAN;
    refuse(&Manifold { images: &bad, ..good }, "expected values from 0 to 1, found NaN in image 2");
    bad[13] = -0.01;
    refuse(&Manifold { images: &bad, ..good }, "expected values from 0 to 1, found -0.01");
    refuse(&Manifold { means: &[], ..good }, "of 2 values each, found 0 values");
    refuse(&Manifold { means: &means[1..], ..good }, "of 2 values each, found 5 values");
    let infinite = [0.0, 1.0, 2.0, f32::NEG_INFINITY];
    refuse(
        &Manifold { means: &infinite, ..good },
        "expected finite posterior means, found -inf in mean 1",
    );
    let names = names(2);
    let of = |labels| Some(Classes { names: &names, labels });
    refuse(&Manifold { classes: of(&[0, 1]), ..good }, "expected 3 labels, one a mean, found 2");
    refuse(
        &Manifold { classes: of(&[0, 1, 2]), ..good },
        "expected labels below 2, found 2 for mean 2",
    );
    Ok(())
}
