//! The pictures, decoded again: what is drawn where, that nothing is cut off, and that a picture
//! takes its place in one step.

use std::error::Error as StdError;
use std::fs;

use image::{Rgb, RgbImage};
use wgvae::Error;
use wgvae::data::HeldOut;
use wgvae::eval::Measures;
use wgvae::report::{Curve, EpochPoint, Row, StepPoint, Tiles, elbo_curve, tiles};

mod curve;
mod glyphs;
mod manifold;
mod panel;
mod run_folder;
mod scatter;
mod tile;

type Outcome = Result<(), Box<dyn StdError>>;

const WHITE: Rgb<u8> = Rgb([255; 3]);

/// Tiles without labels and groups.
pub(crate) fn plain<'a>(
    title: &'a str,
    size: (usize, usize),
    per_band: usize,
    lines: &'a [Row<'a>],
) -> Tiles<'a> {
    Tiles { title, size, per_band, lines, ..Tiles::default() }
}

/// A chart without a title or changes.
fn curve<'a>(epochs: &'a [EpochPoint], steps: &'a [StepPoint]) -> Curve<'a> {
    Curve { title: "", held_out: HeldOut::Test, epochs, steps, changes: &[] }
}

/// Epochs with these ELBOs of training and test, the test's KL a nat below that of training.
fn run(points: &[(f64, f64)]) -> Vec<EpochPoint> {
    let measures = |elbo, kl| Measures { elbo, log_likelihood: elbo + kl, kl };
    let numbered = (1..).zip(points);
    numbered
        .map(|(epoch, &(train, test))| EpochPoint {
            epoch,
            train: measures(train, 25.0),
            test: measures(test, 24.0),
        })
        .collect()
}

/// The places within `x` and `y` whose pixel fulfils `wanted`.
fn places(
    picture: &RgbImage,
    (left, right): (u32, u32),
    (top, bottom): (u32, u32),
    wanted: impl Fn(Rgb<u8>) -> bool,
) -> Vec<(u32, u32)> {
    let all = picture.enumerate_pixels().filter(|&(x, y, &pixel)| {
        (left..right).contains(&x) && (top..bottom).contains(&y) && wanted(pixel)
    });
    all.map(|(x, y, _)| (x, y)).collect()
}

fn assert_margins_are_white(picture: &RgbImage, what: &str) {
    let (width, height) = picture.dimensions();
    for (x, y, &pixel) in picture.enumerate_pixels() {
        if x < 5 || y < 5 || x >= width - 5 || y >= height - 5 {
            assert_eq!(pixel, WHITE, "{what}: something at ({x}, {y}) of {width} x {height}");
        }
    }
}

#[test]
fn a_picture_replaces_an_older_one_and_leaves_nothing_else() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiles.png");
    fs::write(&path, "an older file")?;
    let white = [Row { caption: "", images: &[1.0] }];
    tiles(&path, &plain("", (1, 1), 1, &white))?;
    assert_eq!(image::open(&path)?.into_rgb8().dimensions(), (104, 104));
    elbo_curve(&path, &curve(&run(&[(-90.0, -91.0)]), &[]))?.save(&path)?;
    assert_eq!(image::open(&path)?.into_rgb8().dimensions(), (1000, 966));
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);

    // Below a file there are none.
    let nowhere = path.join("tiles.png");
    let found = tiles(&nowhere, &plain("", (1, 1), 1, &white));
    assert!(matches!(found, Err(Error::Io { path, .. }) if path == nowhere));

    // A folder in the way: the draft is written, but cannot take its place.
    let folder_in_the_way = folder.path().join("folder.png");
    fs::create_dir(&folder_in_the_way)?;
    let found = tiles(&folder_in_the_way, &plain("", (1, 1), 1, &white));
    assert!(matches!(found, Err(Error::Io { path, .. }) if path == folder_in_the_way));
    assert_eq!(fs::read_dir(folder.path())?.count(), 2);
    Ok(())
}
