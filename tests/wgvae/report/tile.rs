//! Images side by side: each where the layout says, pixel by pixel.

use std::path::Path;

use image::Rgb;
use wgvae::Error;
use wgvae::report::{Row, TileLayout, Tiles, square_band, tiles};

use super::{Outcome, WHITE, assert_margins_are_white, places, plain};

/// Greys that differ between neighbours, between images, and between lines.
fn shades(length: usize, line: usize) -> Vec<f32> {
    (0..length).map(|at| ((at * 37 + line * 11) % 101) as f32 / 100.0).collect()
}

#[test]
fn every_pixel_of_every_tile_is_where_the_layout_says() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiles.png");
    let (rows, columns, count) = (2, 3, 5);
    let images = [shades(count * rows * columns, 0), shades(count * rows * columns, 1)];
    let lines = [
        Row { caption: "One", images: &images[0] },
        Row { caption: "A longer caption", images: &images[1] },
    ];
    tiles(&path, &plain("Tiles", (rows, columns), 2, &lines))?;
    let layout = TileLayout::new(&path, &plain("Tiles", (rows, columns), 2, &lines))?;
    let picture = image::open(&path)?.into_rgb8();
    assert_eq!(picture.dimensions(), layout.size);
    assert_eq!((layout.factor, layout.tile), (32, (96, 64)));
    for (line, images) in images.iter().enumerate() {
        for (number, image) in images.chunks(rows * columns).enumerate() {
            let (left, top) = layout.origin(line, number);
            for y in 0..layout.tile.1 {
                for x in 0..layout.tile.0 {
                    let value = image[(y / 32) as usize * columns + (x / 32) as usize];
                    let grey = (value * 255.0).round() as u8;
                    let found = *picture.get_pixel(left + x, top + y);
                    assert_eq!(found, Rgb([grey; 3]), "line {line}, image {number}, ({x}, {y})");
                }
            }
            // The outline, which is no part of the image, and the paper beyond.
            assert_eq!(*picture.get_pixel(left - 1, top), Rgb([150; 3]));
            assert_eq!(*picture.get_pixel(left + 96, top + 63), Rgb([150; 3]));
            assert_eq!(*picture.get_pixel(left - 2, top), WHITE);
            assert_eq!(*picture.get_pixel(left + 97, top + 63), WHITE);
        }
    }
    Ok(())
}

#[test]
fn tiles_are_aligned_and_evenly_spaced() -> Outcome {
    let images = shades(7 * 28 * 28, 0);
    let lines = ["Original", "Posterior sample", "Probabilities"]
        .map(|caption| Row { caption, images: &images });
    let layout = TileLayout::new(Path::new("unused.png"), &plain("Title", (28, 28), 3, &lines))?;
    assert_eq!((layout.count, layout.per_band, layout.tile), (7, 3, (84, 84)));
    let (first, second) = (layout.origin(0, 0), layout.origin(1, 1));
    let pitch = (second.0 - first.0, second.1 - first.1);
    assert!(pitch.0 > 84 && pitch.0 < 100 && pitch.0 == pitch.1, "{pitch:?}");
    let band = layout.origin(0, 3).1 - first.1;
    assert!(band >= 3 * pitch.1 + 20, "bands are not apart: {band}");
    for line in 0..3 {
        for image in 0..7 {
            let expected = (
                first.0 + (image % 3) as u32 * pitch.0,
                first.1 + (image / 3) as u32 * band + line as u32 * pitch.1,
            );
            assert_eq!(layout.origin(line, image), expected, "line {line}, image {image}");
            assert!(expected.0 + 84 + 10 < layout.size.0 && expected.1 + 84 + 10 < layout.size.1);
        }
    }
    Ok(())
}

#[test]
fn images_are_enlarged_by_a_whole_factor_to_a_size_to_look_at() -> Outcome {
    // Rows, columns, factor.
    let cases = [(28, 28, 3), (64, 64, 1), (200, 100, 1), (1, 1, 64), (5, 1, 64), (1, 784, 1)];
    for (rows, columns, factor) in cases {
        let images = shades(rows * columns, 0);
        let lines = [Row { caption: "", images: &images }];
        let layout =
            TileLayout::new(Path::new("unused.png"), &plain("", (rows, columns), 4, &lines))?;
        assert_eq!(layout.factor, factor, "{rows} x {columns}");
        assert_eq!(layout.tile, (columns as u32 * factor, rows as u32 * factor));
        assert_eq!(layout.per_band, 1);
    }
    Ok(())
}

#[test]
fn every_line_of_every_band_has_its_caption_and_nothing_is_cut_off() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiles.png");
    let title = "A title that is far wider than the images below it";
    for (rows, columns, per_band) in [(28, 28, 2), (1, 400, 1), (3, 40, 5)] {
        let images = shades(3 * rows * columns, 0);
        let lines = ["ÅÉgjpq,", "Prior sample"].map(|caption| Row { caption, images: &images });
        tiles(&path, &plain(title, (rows, columns), per_band, &lines))?;
        let layout = TileLayout::new(&path, &plain(title, (rows, columns), per_band, &lines))?;
        let picture = image::open(&path)?.into_rgb8();
        let what = format!("{rows} x {columns}");
        assert_margins_are_white(&picture, &what);
        let dark = |pixel: Rgb<u8>| pixel[0] < 100;
        let (left, top) = layout.origin(0, 0);
        let in_title = places(&picture, (0, layout.size.0), (0, top - 10), dark);
        let right = in_title.iter().map(|place| place.0).max();
        assert!(right > Some(400), "{what}: the title ends at {right:?}");
        for line in 0..2 {
            for first in (0..3).step_by(per_band) {
                let middle = layout.origin(line, first).1 + layout.tile.1 / 2;
                let ink = places(&picture, (0, left - 2), (middle - 10, middle + 10), dark);
                assert!(ink.len() > 50, "{what}: no caption at line {line}, image {first}");
                // Capitals are centred; the first line has accents, and both have descenders.
                let highest = ink.iter().map(|place| place.1).min().unwrap_or(0);
                let lowest = ink.iter().map(|place| place.1).max().unwrap_or(0);
                let (up, down) = (middle - highest, lowest - middle);
                assert!(up.abs_diff([8, 6][line]) <= 1, "{what}: {up} pixels up in line {line}");
                assert!(down.abs_diff(7) <= 1, "{what}: {down} pixels down in line {line}");
                let right = ink.iter().map(|place| place.0).max();
                assert!(right < Some(left - 8), "{what}: a caption touches the images");
            }
        }
    }
    Ok(())
}

#[test]
fn tiles_that_do_not_fit_together_are_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiles.png");
    let good = [0.5; 12];
    let mut bad = good;
    bad[7] = f32::NAN;
    let above = [1.01; 12];
    let refuse = |rows, columns, per_band, images: &[&[f32]], expected: &str| {
        let lines: Vec<_> = images.iter().map(|images| Row { caption: "Line", images }).collect();
        let found = tiles(&path, &plain("", (rows, columns), per_band, &lines));
        let Err(Error::Picture { path: named, message }) = found else {
            panic!("{expected}: {found:?}");
        };
        assert_eq!(named, path);
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        assert!(!path.exists(), "{expected}: a picture was written");
    };
    refuse(2, 3, 4, &[], "expected 1 or more images, found none");
    refuse(2, 3, 4, &[&[], &[]], "expected 1 or more images, found none");
    refuse(2, 3, 4, &[&good, &[]], "expected 2 images, found 0");
    refuse(2, 3, 4, &[&good, &good[..6]], "expected 2 images, found 1");
    refuse(2, 3, 4, &[&good[..6], &good], "expected 1 images, found 2");
    refuse(
        2,
        3,
        4,
        &[&good, &good[..11]],
        "\"Line\": expected a multiple of 2 x 3 values, found 11",
    );
    refuse(0, 3, 4, &[&good], "expected images with pixels, found 0 x 3");
    refuse(2, 3, 0, &[&good], "expected 1 or more images per band, found 0");
    refuse(2, 3, 4, &[&good, &bad], "expected values from 0 to 1, found NaN in image 1");
    refuse(2, 3, 4, &[&above], "expected values from 0 to 1, found 1.01 in image 0");
    let many = vec![0.0; 20_000];
    refuse(1, 1, 20_000, &[&many], "expected sides up to 2^20 pixels, found ");
    refuse(1, 1, 150, &[&many], "expected 67108864 pixels or fewer, found ");
    Ok(())
}

#[test]
fn groups_are_apart_and_every_image_has_its_label() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiles.png");
    let images = shades(5 * 28 * 28, 0);
    let lines = ["Original", "Sample 1", "Mean 1", "Sample 2", "Mean 2"]
        .map(|caption| Row { caption, images: &images });
    let labels: Vec<_> = ["first", "t = 0.5", "a label that is wider than its image", "x", "last"]
        .map(str::to_owned)
        .to_vec();
    let grouped = Tiles { labels: &labels, groups: &[1, 3], ..plain("", (28, 28), 3, &lines) };
    let layout = TileLayout::new(&path, &grouped)?;
    let heights: Vec<_> = (0..5).map(|line| layout.origin(line, 0).1).collect();
    let steps: Vec<_> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((steps[1], steps[3]), (92, 92), "a pair is close together");
    assert!(steps[0] >= 92 + 16 && steps[2] == steps[0], "groups are not apart: {steps:?}");
    tiles(&path, &grouped)?;
    let picture = image::open(&path)?.into_rgb8();
    assert_margins_are_white(&picture, "groups and labels");
    for (image, label) in labels.iter().enumerate() {
        let (left, top) = layout.origin(0, image);
        let middle = left + layout.tile.0 / 2;
        let across = (middle - 120, (middle + 120).min(picture.width()));
        let ink = places(&picture, across, (top - 22, top - 2), |pixel| pixel[0] < 100);
        assert!(ink.len() > 8 * label.trim().len(), "{label}: {} pixels", ink.len());
        // Alone above its image, in its middle.
        let ink = |(from, to)| places(&picture, (from, to), (top - 22, top - 2), |p| p[0] < 100);
        let own = ink((middle - 140, middle + 140));
        let ends = (own.iter().map(|p| p.0).min(), own.iter().map(|p| p.0).max());
        if let (Some(from), Some(to)) = ends
            && image != 1
        {
            assert!((from + to).abs_diff(2 * middle) <= 8, "{label}: {from} to {to}");
        }
    }
    let few = Tiles { labels: &labels[..4], ..grouped };
    let refused = tiles(&path, &few).err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.contains("expected 5 labels or none, found 4")));
    Ok(())
}

#[test]
fn many_images_make_a_square() -> Outcome {
    for (count, lines, size, expected) in [
        (1, 2, (28, 28), 1),
        (12, 1, (28, 28), 12),
        (13, 1, (28, 28), 10),
        (20, 2, (28, 28), 10),
        (1000, 2, (28, 28), 45),
        (1000, 1, (28, 28), 32),
        (1000, 1, (10, 40), 16),
        (0, 1, (1, 1), 1),
    ] {
        assert_eq!(square_band(count, lines, size), expected, "{count} in {lines}");
    }
    let images = shades(1000 * 28 * 28, 0);
    let lines = ["Sample", "Mean"].map(|caption| Row { caption, images: &images });
    let per_band = square_band(1000, 2, (28, 28));
    let layout = TileLayout::new(Path::new("unused"), &plain("", (28, 28), per_band, &lines))?;
    let (width, height) = (f64::from(layout.size.0), f64::from(layout.size.1));
    assert!((0.7..1.4).contains(&(width / height)), "{width} x {height}");
    Ok(())
}
