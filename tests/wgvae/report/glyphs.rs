//! Text that DejaVu Sans has no glyphs for.

use std::error::Error as StdError;
use std::path::Path;

use wgvae::report::{Classes, Manifold, Tiles, tiles_png};

use super::manifold::{Frame, draw};
use super::{Outcome, assert_margins_are_white, places, plain};

/// Places of pixels.
type Ink = Vec<(u32, u32)>;

/// The ink of each name in a legend, relative to the legend's left edge and the entry's top.
fn legend(names: &[&str]) -> Result<Vec<Ink>, Box<dyn StdError>> {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let classes = Some(Classes { names: &names, labels: &[0] });
    let (means, images) = (&[0.5, 0.5], &[0.5]);
    let what = Manifold { side: 1, range: 2.1, size: (1, 1), images, means, classes };
    let picture = draw("犬 and 猫", &what)?;
    assert_margins_are_white(&picture, "a legend");
    let frame = Frame::after(&picture, Frame::after(&picture, 30).right + 40);
    let left = frame.right + 40;
    let entry = |index: usize| {
        let top = frame.top + 1 + 24 * index as u32;
        let ink = places(&picture, (left, picture.width()), (top, top + 24), |p| p[0] < 128);
        ink.into_iter().map(|(x, y)| (x - left, y - top)).collect()
    };
    Ok((0..names.len()).map(entry).collect())
}

#[test]
fn names_in_any_script_are_told_apart() -> Outcome {
    let names = ["犬", "猫", "鳥", "고양이", "ไก่", "bird 鳥", "🐱", "🐶"];
    let drawn = legend(&names)?;
    for (name, ink) in names.iter().zip(&drawn) {
        assert!(ink.len() > 30, "{name}: {} pixels", ink.len());
    }
    for (index, one) in drawn.iter().enumerate() {
        for (other, name) in drawn[..index].iter().zip(names) {
            let same = one.iter().filter(|place| other.contains(place)).count();
            let share = same as f64 / one.len().max(other.len()) as f64;
            assert!(share < 0.8, "{} and {name} look alike: {share}", names[index]);
        }
    }
    // What Latin there is stays as it was, and characters stand beside each other.
    let [latin, mixed] = &legend(&["bird ", "bird 鳥"])?[..] else { return Err("two".into()) };
    assert!(latin.iter().all(|place| mixed.contains(place)));
    let right = |ink: &[(u32, u32)]| ink.iter().map(|place| place.0).max();
    assert!(right(mixed) > right(latin).map(|x| x + 10));
    Ok(())
}

#[test]
fn a_title_in_any_script_has_the_room_that_it_needs() -> Outcome {
    let images = [0.5];
    let lines = [wgvae::report::Row { caption: "", images: &images }];
    let width = |title: &str| -> Result<u32, Box<dyn StdError>> {
        let tiles: Tiles = plain(title, (1, 1), 1, &lines);
        let png = tiles_png(Path::new("unused"), &tiles)?;
        let picture = image::load_from_memory(&png.bytes)?.into_rgb8();
        assert_margins_are_white(&picture, title);
        Ok(picture.width())
    };
    let (short, long) = (width(&"猫".repeat(10))?, width(&"猫".repeat(20))?);
    assert!((150..300).contains(&(long - short)), "{short}, {long}");
    Ok(())
}
