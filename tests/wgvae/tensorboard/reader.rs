//! A reader of event files that shares nothing with their writer: checksums bit by bit, messages
//! byte by byte. It takes what a run writes and refuses all else.

use super::Fallible;
use std::fs;
use std::path::Path;

/// An event, with the only value that it has.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) wall_time: f64,
    pub(super) step: u64,
    pub(super) what: What,
}

#[derive(Debug, PartialEq)]
pub(super) enum What {
    Version(String),
    Scalar { tag: String, value: f32 },
    Image { tag: String, image: Image },
}

impl What {
    pub(super) fn tag(&self) -> Option<&str> {
        match self {
            Self::Scalar { tag, .. } | Self::Image { tag, .. } => Some(tag),
            Self::Version(_) => None,
        }
    }
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Image {
    pub(super) height: u64,
    pub(super) width: u64,
    pub(super) colorspace: u64,
    pub(super) png: Vec<u8>,
    /// Of the value that the image is in.
    pub(super) description: String,
}

/// The events of a file.
pub(super) fn events(path: &Path) -> Fallible<Vec<Event>> {
    records(&fs::read(path)?)?.into_iter().map(event).collect()
}

/// The bytes of each record, once their checksums are right.
pub(super) fn records(mut file: &[u8]) -> Fallible<Vec<&[u8]>> {
    let mut records = Vec::new();
    while !file.is_empty() {
        let length = checked(&mut file, 8)?;
        let length = u64::from_le_bytes(length.try_into()?);
        records.push(checked(&mut file, length.try_into()?)?);
    }
    Ok(records)
}

fn checked<'a>(file: &mut &'a [u8], length: usize) -> Fallible<&'a [u8]> {
    let bytes = take(file, length)?;
    let found = u32::from_le_bytes(take(file, 4)?.try_into()?);
    let crc = crc32c(bytes);
    let expected = crc.rotate_left(17).wrapping_add(0xa282_ead8);
    if found == expected { Ok(bytes) } else { Err("a checksum is wrong".into()) }
}

/// CRC-32C by its definition: division by a polynomial.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Fallible<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or("the file ends within a record")?;
    *bytes = rest;
    Ok(taken)
}

/// What a field of a message holds.
enum Field<'a> {
    Number(u64),
    Double(f64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// The fields of a message, by number.
fn fields(mut message: &[u8]) -> Fallible<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = number(&mut message)?;
        let field = match key & 7 {
            0 => Field::Number(number(&mut message)?),
            1 => Field::Double(f64::from_le_bytes(take(&mut message, 8)?.try_into()?)),
            2 => {
                let length = number(&mut message)?;
                Field::Bytes(take(&mut message, length.try_into()?)?)
            }
            5 => Field::Float(f32::from_le_bytes(take(&mut message, 4)?.try_into()?)),
            kind => return Err(format!("wire type {kind}").into()),
        };
        fields.push((key >> 3, field));
    }
    Ok(fields)
}

/// A varint: seven bits a byte, the lowest first.
fn number(message: &mut &[u8]) -> Fallible<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err("a number of more than 64 bits".into())
}

fn event(message: &[u8]) -> Fallible<Event> {
    let (mut wall_time, mut step, mut what) = (None, 0, None);
    for field in fields(message)? {
        match field {
            (1, Field::Double(time)) => wall_time = Some(time),
            (2, Field::Number(number)) => step = number,
            (3, Field::Bytes(text)) => what = Some(What::Version(string(text)?)),
            (5, Field::Bytes(summary)) => what = Some(only_value(summary)?),
            (number, _) => return Err(format!("field {number} of an event").into()),
        }
    }
    Ok(Event { wall_time: wall_time.ok_or("no time")?, step, what: what.ok_or("nothing")? })
}

/// The value of a summary of one value.
fn only_value(summary: &[u8]) -> Fallible<What> {
    let [(1, Field::Bytes(value))] = fields(summary)?[..] else {
        return Err("a summary of more or less than a value".into());
    };
    match &fields(value)?[..] {
        [(1, Field::Bytes(tag)), (2, Field::Float(value))] => {
            Ok(What::Scalar { tag: string(tag)?, value: *value })
        }
        [(1, Field::Bytes(tag)), (9, Field::Bytes(metadata)), (4, Field::Bytes(bytes))]
        | [(1, Field::Bytes(tag)), (4, Field::Bytes(bytes)), (9, Field::Bytes(metadata))] => {
            let [(1, Field::Bytes(plugin)), (3, Field::Bytes(description))] = fields(metadata)?[..]
            else {
                return Err("metadata that are more or less than a plugin and a description".into());
            };
            let [(1, Field::Bytes(b"images"))] = fields(plugin)?[..] else {
                return Err("another plugin than that of images".into());
            };
            let image = Image { description: string(description)?, ..image(bytes)? };
            Ok(What::Image { tag: string(tag)?, image })
        }
        _ => Err("a value that is neither scalar nor image".into()),
    }
}

fn image(message: &[u8]) -> Fallible<Image> {
    let mut image = Image::default();
    for field in fields(message)? {
        match field {
            (1, Field::Number(height)) => image.height = height,
            (2, Field::Number(width)) => image.width = width,
            (3, Field::Number(colorspace)) => image.colorspace = colorspace,
            (4, Field::Bytes(png)) => image.png = png.to_vec(),
            (number, _) => return Err(format!("field {number} of an image").into()),
        }
    }
    Ok(image)
}

fn string(bytes: &[u8]) -> Fallible<String> {
    Ok(String::from_utf8(bytes.to_vec())?)
}
