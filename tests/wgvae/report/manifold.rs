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
        let corner = runs.into_iter().find(|&(x, y)| run(x, y) >= 250);
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
    // The first unit from left to right, the second from bottom to top.
    let rows = [[low, high], [0.0, high], [high, high], [low, 0.0], [0.0, 0.0], [high, 0.0]];
    assert_eq!(&latents.values()[..12], rows.as_flattened());
    assert_eq!(&latents.values()[12..], [low, low, 0.0, low, high, low]);
    assert_eq!(grid_latents(1, 3.0)?.values(), [0.0, 0.0]);
    assert_eq!(grid_latents(2, 0.1)?.values()[..4], [-0.1, 0.1, 0.1, 0.1]);
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
        let (x, y) = frame.at(2.0, latent[0].into(), latent[1].into());
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
        (3, (28, 28), 62, 8),
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

/// Where the ticks of a frame are, from its left and bottom.
fn ticks(frame: &Frame) -> (Vec<f64>, Vec<f64>) {
    let across = frame.across.iter().map(|x| x - f64::from(frame.left));
    (across.collect(), frame.up.iter().map(|y| f64::from(frame.bottom) - y).collect())
}

#[test]
fn images_of_any_shape_and_points_have_the_same_axes_side_by_side() -> Outcome {
    for (side, (rows, columns)) in
        [(20, (28, 28)), (5, (14, 56)), (9, (56, 14)), (9, (20, 30)), (3, (1, 400))]
    {
        let what = format!("{side} images of {rows} x {columns}");
        let images = vec![0.75; side * side * rows * columns];
        // Far beyond the grid: that changes nothing.
        let (size, means) = ((rows, columns), [-9.0, 0.1, 40.0, 2.0]);
        let picture = draw(
            "",
            &Manifold { side, range: 2.0, size, images: &images, means: &means, classes: None },
        )?;
        assert_margins_are_white(&picture, &what);
        let grid = Frame::after(&picture, 30);
        let scatter = Frame::after(&picture, grid.right + 40);
        // Images have a line of a pixel around them; a plot's frame is in its own room.
        let sides = |frame: &Frame| [frame.top, frame.bottom, frame.right - frame.left];
        let pairs = sides(&grid).into_iter().zip(sides(&scatter));
        assert!(
            pairs.into_iter().all(|(a, b)| a.abs_diff(b) <= 2),
            "{what}: {:?}",
            sides(&scatter)
        );
        let [images, points] = [&grid, &scatter].map(ticks);
        let pairs = images.0.iter().zip(&points.0).chain(images.1.iter().zip(&points.1));
        assert!(
            pairs.into_iter().all(|(a, b)| (a - b).abs() <= 1.5),
            "{what}: {images:?} {points:?}"
        );
        assert_eq!((images.0.len(), images.1.len()), (points.0.len(), points.1.len()), "{what}");
        let (wide, high) = (scatter.right - scatter.left, scatter.bottom - scatter.top);
        assert!(wide <= 2 * high + 4 && high <= 2 * wide + 4, "{what}: {wide} x {high}");
    }
    Ok(())
}

#[test]
fn latent_units_that_the_model_ignores_get_a_remark() -> Outcome {
    let apart = [-2.0, 1.0, 0.5, -1.0];
    let remark = |first: f32, second: f32| {
        let means: Vec<f32> = apart.iter().flat_map(|at| [at * first, at * second]).collect();
        let images = [0.5];
        let of = |means| Manifold {
            side: 1,
            range: 2.0,
            size: (1, 1),
            images: &images,
            means,
            classes: None,
        };
        let picture = draw("", &of(&means))?;
        assert_margins_are_white(&picture, "a remark");
        let ink = places(&picture, (20, 700), (56, 80), |pixel| pixel[0] < 100).len();
        let remark = of(&means).remark();
        // Captions are below it.
        assert_eq!(ink > 1000 && Frame::after(&picture, 30).top > 110, remark.is_some(), "{ink}");
        Ok::<_, Box<dyn StdError>>((remark.unwrap_or_default(), of(&means[..2]).remark()))
    };
    assert_eq!(remark(1.0, 1.0)?.0, "");
    assert_eq!(
        remark(0.01, 0.01)?.0,
        "The model has collapsed: both latent units are inactive (variance of the posterior means at \
         most 0.01)"
    );
    assert!(remark(0.01, 1.0)?.0.starts_with("The first latent unit is inactive"));
    let (second, of_one_image) = remark(1.0, 0.0)?;
    assert!(second.starts_with("The second latent unit is inactive"));
    assert_eq!(of_one_image, None);
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
    refuse(&Manifold { side: 0, ..good }, "expected 1 or more images per side, found 0");
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
    refuse(&Manifold { classes: of(&[0, 1]), ..good }, "expected 3 labels, one per mean, found 2");
    refuse(
        &Manifold { classes: of(&[0, 1, 2]), ..good },
        "expected labels below 2, found 2 for mean 2",
    );
    Ok(())
}
