//! Event files, read back: their bytes, and what a run writes into them.
//! `tests/interop/tensorboard_reader.py` has TensorBoard itself read them.

use crate::report::plain;
use reader::{Event, Image, What, crc32c, events, records};
use std::error::Error as StdError;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use wgvae::report::tensorboard::{EventWriter, record};
use wgvae::report::{Row, tiles_png};
use wgvae::{Action, Error};

mod reader;
mod run;

pub(crate) use run::charted;

type Fallible<T> = Result<T, Box<dyn StdError>>;

/// The bytes are those of TensorBoard's own `RecordWriter`.
#[test]
fn a_record_has_the_known_bytes() -> Fallible<()> {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    let masked = 0xe306_9283_u32.rotate_left(17).wrapping_add(0xa282_ead8);
    assert_eq!(masked.to_le_bytes(), [0xe5, 0xb0, 0x8a, 0xc7]);
    let digits = b"\x09\0\0\0\0\0\0\0\x37\xf9\x71\x39123456789\xe5\xb0\x8a\xc7";
    assert_eq!(record(b"123456789"), digits);
    assert_eq!(record(b""), b"\0\0\0\0\0\0\0\0\x29\x03\x98\x07\xd8\xea\x82\xa2");
    Ok(())
}

#[test]
fn the_reader_of_these_tests_refuses_damaged_records() -> Fallible<()> {
    let file = [record(b"first"), record(b"")].concat();
    assert_eq!(records(&file)?, [&b"first"[..], b""]);
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        assert!(records(&damaged).is_err(), "byte {at}");
        let whole = at == 0 || at == record(b"first").len();
        assert_eq!(records(&file[..at]).is_ok(), whole, "{at} bytes");
    }
    Ok(())
}

#[test]
fn a_file_comes_back_as_it_was_written() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let within = folder.path().join("a/b");
    let now = || Ok::<_, Box<dyn StdError>>(SystemTime::now().duration_since(UNIX_EPOCH)?);
    let before = now()?;
    let steps = [0, 1, 127, 128, 1 << 40];
    let values = [0.0, -0.1, 1e30, f64::MAX, f64::NAN];
    let images = [0.0, 0.25, 0.5, 1.0];
    let png = tiles_png(
        Path::new("unused"),
        &plain("", (2, 2), 1, &[Row { caption: "", images: &images }]),
    )?;

    let mut writer = EventWriter::create(&within)?;
    assert_eq!(events(writer.path())?.len(), 1, "the first event is in the file at once");
    for (step, value) in steps.into_iter().zip(values) {
        writer.scalar("group/ä", step, value)?;
    }
    writer.image("pictures/tile", 7, "a tile", &png)?;
    writer.flush()?;

    let name = writer.path().file_name().ok_or("no name")?.to_string_lossy().into_owned();
    let name: Vec<_> = name.split('.').collect();
    assert_eq!(name[..3], ["events", "out", "tfevents"]);
    assert!((before.as_secs()..=now()?.as_secs()).contains(&name[3].parse()?), "{name:?}");
    let found = events(writer.path())?;
    for event in &found {
        // A double has room for less than a microsecond.
        let time = before.as_secs_f64() - 1e-3..=now()?.as_secs_f64() + 1e-3;
        assert!(time.contains(&event.wall_time), "{event:?}");
    }
    assert_eq!(found[0].step, 0);
    assert_eq!(found[0].what, What::Version("brain.Event:2".to_owned()));
    assert_eq!(found.len(), 1 + steps.len() + 1);
    for ((event, step), value) in found[1..].iter().zip(steps).zip(values) {
        let What::Scalar { tag, value: found } = &event.what else { panic!("{event:?}") };
        assert_eq!((tag.as_str(), event.step), ("group/ä", step));
        assert_eq!(found.to_bits(), (value as f32).to_bits());
    }
    let Event { step: 7, what: What::Image { tag, image }, .. } = &found[1 + steps.len()] else {
        panic!("{:?}", found[1 + steps.len()])
    };
    assert_eq!((tag.as_str(), image.colorspace), ("pictures/tile", 3));
    assert_eq!((&image.png, image.description.as_str()), (&png.bytes, "a tile"));
    assert_is_a_picture(image)
}

/// Asserts that it can be decoded, and has the size and colours that the event says.
fn assert_is_a_picture(image: &Image) -> Fallible<()> {
    let picture = image::load_from_memory_with_format(&image.png, image::ImageFormat::Png)?;
    assert_eq!((picture.width().into(), picture.height().into()), (image.width, image.height));
    assert_eq!(picture.color(), image::ColorType::Rgb8);
    Ok(())
}

#[test]
fn two_files_of_one_second_have_two_names() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let mut writers = [EventWriter::create(folder.path())?, EventWriter::create(folder.path())?];
    assert!(writers[0].path() != writers[1].path());
    for writer in &mut writers {
        writer.scalar("tag", 1, 1.0)?;
        writer.flush()?;
        assert_eq!(events(writer.path())?.len(), 2);
    }
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_is_named() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "")?;
    match EventWriter::create(&in_the_way) {
        Err(Error::Io { path, action: Action::Write, .. }) => assert_eq!(path, in_the_way),
        other => panic!("{other:?}"),
    }
    Ok(())
}
