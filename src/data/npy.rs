//! Images in NumPy's `.npy` and `.npz` files.

use super::numbers::Numbers;
use super::open::{Opened, at_most, room};
use super::reading::{Account, Wanted, unclear};
use super::source::{Loaded, VALIDATION};
use super::{Dataset, Labels, Size, Split, size_of};
use crate::matrix::npy;
use crate::{Action, Error, FileKind, Result};
use std::io::Cursor;
use std::path::Path;
use zip::ZipArchive;

/// Usual names of image arrays in published `.npz` files.
const IMAGES: [&str; 10] = [
    "x_train",
    "train_images",
    "images",
    "imgs",
    "x",
    "data",
    "train_x",
    "x_test",
    "test_images",
    "arr_0",
];

/// Reads images `[n, d]`, `[n, rows, columns]`, `[n, 1, rows, columns]` or `[n, rows, columns, 1]`.
pub(super) fn read(mut file: Opened, wanted: Wanted, account: &mut Account) -> Result<Dataset> {
    let bytes = file.rest()?;
    images(&file.path, &bytes, None, wanted, account)
}

/// Reads a `.npz` file's array of images, and the labels that belong to it; both sets, if there is
/// an array of test images beside the one of training images.
pub(super) fn read_archive(
    mut file: Opened,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Loaded> {
    let path = file.path.clone();
    let wrong = |error: zip::result::ZipError| Error::file(&path, "a .npz file", error);
    let mut archive = ZipArchive::new(Cursor::new(file.rest()?)).map_err(wrong)?;
    let names = archive.file_names().collect::<std::result::Result<Vec<_>, _>>().map_err(wrong)?;
    let names = names.iter().filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned()));
    let names: Vec<String> = names.collect();
    let all = names.join(", ");
    let chosen = match &wanted.reading.array {
        Some(name) => names.iter().find(|known| *known == name).ok_or_else(|| {
            let remedy = format!("array = NAME, one of {all}");
            unclear(&path, format!("an array called {name}"), &all, remedy)
        })?,
        None => choose(&names).ok_or_else(|| {
            unclear(&path, "one array of images", &all, format!("array = NAME, one of {all}"))
        })?,
    };
    account.found.push(format!("arrays {all}"));
    account.reading.array = Some(chosen.clone());
    let mut entry = |name: &str| {
        let mut file = archive.by_name(&format!("{name}.npy")).map_err(wrong)?;
        at_most(&mut file, room(), &path, Action::Decompress)
    };
    let mut set = |name: &str, account: &mut Account| {
        let labels = labels_of(name).find(|labels| names.contains(labels));
        let with = labels.as_ref().map_or(String::new(), |labels| format!(", {labels} the labels"));
        account.made.push(format!("{name} has the images{with}"));
        let (bytes, labels) = (entry(name)?, labels.map(|labels| entry(&labels)).transpose()?);
        images(&path, &bytes, labels.as_deref(), wanted, account)
    };
    let test = chosen.replacen("train", "test", 1);
    let train = set(chosen, account)?;
    if test == *chosen || !names.contains(&test) {
        return Ok(Loaded::Set(train));
    }
    account.made.push(format!("{test} the test images"));
    let test = set(&test, &mut Account::default())?;
    let called = VALIDATION.map(|part| chosen.replacen("train", part, 1));
    let validation = called.iter().find(|name| names.contains(name));
    let validation = validation.map(|name| set(name, &mut Account::default())).transpose()?;
    Ok(Loaded::Split(Split { validation, ..Split::new(train, test) }))
}

/// The array of images among `names`: the only one, or one with a usual name.
fn choose(names: &[String]) -> Option<&String> {
    let is_label = |name: &String| {
        let name = name.to_lowercase();
        name.starts_with('y') || ["label", "target", "class"].iter().any(|part| name.contains(part))
    };
    let called = |wanted: &&str| names.iter().find(|name| name.to_lowercase() == **wanted);
    let others: Vec<&String> = names.iter().filter(|name| !is_label(name)).collect();
    match others[..] {
        [only] => Some(only),
        _ => IMAGES.iter().find_map(called),
    }
}

/// Possible names of the labels of the array `images`.
fn labels_of(images: &str) -> impl Iterator<Item = String> {
    let swapped = [
        ("images", "labels"),
        ("imgs", "labels"),
        ("x", "y"),
        ("X", "y"),
        ("X", "Y"),
        ("data", "labels"),
        ("data", "target"),
        ("data", "targets"),
    ];
    let images = images.to_owned();
    let with = move |(from, to): (&str, &str)| {
        let name = images.replacen(from, to, 1);
        (name != images).then_some(name)
    };
    swapped.into_iter().filter_map(with)
}

fn images(
    path: &Path,
    bytes: &[u8],
    labels: Option<&[u8]>,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Dataset> {
    let array =
        |bytes| npy::read(bytes).map_err(|(expected, found)| Error::file(path, expected, found));
    let labels = labels.map(array).transpose()?;
    let array = array(bytes)?;
    let shape = format!("{:?}", array.sizes);
    let expected = "an array of [images, pixels] or [images, rows, columns]";
    let size = match array.sizes[..] {
        [0, ..] => return Err(Error::file(path, expected, shape)),
        [_, pixels] => size_of(path, pixels, wanted.size)?,
        [_, rows, columns, 3 | 4] if rows > 1 && columns > 1 => {
            let remedy = "x[..., :3].mean(-1) makes colours grey";
            return Err(unclear(path, format!("{expected}, without colours"), shape, remedy));
        }
        [_, 3, rows, columns] if rows > 1 && columns > 1 => {
            let remedy = "x.mean(1) makes colours grey";
            return Err(unclear(path, format!("{expected}, without colours"), shape, remedy));
        }
        [_, rows, columns] | [_, 1, rows, columns] | [_, rows, columns, 1] => {
            let size =
                Size::new(rows, columns).ok_or_else(|| Error::file(path, expected, &shape))?;
            match wanted.size.filter(|&wanted| wanted != size) {
                Some(wanted) => {
                    let error = Error::file(path, format!("images of {wanted} pixels"), size);
                    return Err(error.of_kind(FileKind::Images));
                }
                None => size,
            }
        }
        [pixels] => {
            let remedy = "x[None], an array of one image";
            return Err(unclear(path, expected, format!("[{pixels}]"), remedy));
        }
        _ => return Err(Error::file(path, expected, shape)),
    };
    account.found.push(format!("an array {shape} of {}", array.kind));
    let numbers = if array.element.is_byte() {
        Numbers::Bytes(array.data.to_vec())
    } else {
        let expected = "real numbers: uint8, bool, float32, or another type of integers or floats";
        let remedy = "x.astype(numpy.float32), or numpy.uint8";
        let reals = array.reals().ok_or_else(|| unclear(path, expected, array.kind, remedy))?;
        if array.element.is_float() { Numbers::Reals(reals) } else { Numbers::Whole(reals) }
    };
    let place =
        |at: usize| format!("row {}, column {}", at / size.pixels() + 1, at % size.pixels() + 1);
    let levels = numbers.levels(path, wanted, place, account)?;
    let count = levels.len() / size.pixels();
    let names = labels.and_then(|labels| labels.reals()).filter(|names| names.len() == count);
    let labels = names.and_then(|names| Labels::named(names.iter().map(f32::to_string)));
    Ok(Dataset { labels, ..Dataset::of_file(levels, size) })
}
