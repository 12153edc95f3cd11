//! Data loading: the real MNIST against numbers counted independently, and every way in which a
//! file can be wrong, by the words of its error.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use wgvae::data::{CLASSES, Dataset, KNOWN, Levels, Source, Split};

type TestResult = Result<(), Box<dyn Error>>;

const MNIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist");
const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// An IDX file with any header before any bytes.
fn idx(magic: u32, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let words = std::iter::once(&magic).chain(sizes);
    let mut file: Vec<u8> = words.flat_map(|word| word.to_be_bytes()).collect();
    file.extend(bytes);
    file
}

fn images(sizes: [u32; 3], bytes: &[u8]) -> Vec<u8> {
    idx(0x803, &sizes, bytes)
}

fn labels(bytes: &[u8]) -> Vec<u8> {
    idx(0x801, &[bytes.len() as u32], bytes)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Three training images and one test image of 2 x 3 pixels.
fn small_set() -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let pixels: Vec<u8> = (0..18).collect();
    fs::write(folder.path().join(TRAIN_IMAGES), images([3, 2, 3], &pixels))?;
    fs::write(folder.path().join(TRAIN_LABELS), labels(&[7, 0, 61]))?;
    fs::write(folder.path().join(TEST_IMAGES), images([1, 2, 3], &[255; 6]))?;
    fs::write(folder.path().join(TEST_LABELS), labels(&[9]))?;
    Ok(folder)
}

/// Replaces one file of the small set by these bytes, plain and gzipped. Both have to be rejected
/// with the file's path and these words, in which paths are shown without the folder.
#[track_caller]
fn assert_rejected(name: &str, bytes: &[u8], words: &str) -> TestResult {
    for file in [bytes.to_vec(), gzip(bytes)?] {
        let folder = small_set()?;
        fs::write(folder.path().join(name), file)?;
        let message = message(Split::from_folder(folder.path()));
        let folder = folder.path().join("").display().to_string();
        assert_eq!(message.replace(&folder, ""), format!("{name}: {words}"));
    }
    Ok(())
}

/// The pixels of a set whose file has bytes.
fn bytes(set: &Dataset) -> &[u8] {
    match set.levels() {
        Levels::Bytes(bytes) => bytes,
        Levels::Reals(_) => panic!("expected bytes"),
    }
}

fn image(set: &Dataset, index: usize) -> &[u8] {
    &bytes(set)[index * set.width()..][..set.width()]
}

fn labels_of(set: &Dataset) -> &[u16] {
    set.labels().map_or(&[], |labels| &labels.of)
}

#[track_caller]
fn message<T>(result: wgvae::Result<T>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mnist_is_whole() -> TestResult {
    let Split { train, test, .. } = Split::from_folder(Path::new(MNIST))?;
    let shape = |set: &Dataset| [set.len(), set.size().rows(), set.size().columns(), set.width()];
    assert_eq!((shape(&train), shape(&test)), ([60_000, 28, 28, 784], [10_000, 28, 28, 784]));
    let ends = |set: &Dataset| [labels_of(set)[0], labels_of(set)[set.len() - 1]];
    assert_eq!((ends(&train), ends(&test)), ([5, 8], [7, 6]));
    let bright = |image: &[u8]| image.iter().filter(|&&pixel| pixel > 127).count();
    assert_eq!((bright(image(&train, 0)), bright(image(&train, 59_999))), (111, 82));
    assert_eq!((bright(image(&test, 0)), bright(image(&test, 9_999))), (71, 165));
    let sum = |set: &Dataset| {
        let pixels = bytes(set).iter().map(|&byte| u64::from(byte)).sum::<u64>();
        (pixels, labels_of(set).iter().map(|&label| u64::from(label)).sum::<u64>())
    };
    assert_eq!(sum(&train), (1_567_298_545, 267_236));
    assert_eq!(sum(&test), (264_923_200, 44_434));
    assert!(Split::load(&Source::new("mnist"))? == Split::new(train, test));
    Ok(())
}

#[test]
fn every_spelling_gives_the_same_set() -> TestResult {
    let folder = small_set()?;
    // A plain file comes first: this one is not read.
    fs::write(folder.path().join(TRAIN_LABELS.to_owned() + ".gz"), [])?;
    let plain = Split::from_folder(folder.path())?;
    assert_eq!(bytes(&plain.train), (0..18).collect::<Vec<u8>>());
    assert_eq!(labels_of(&plain.train), [7, 0, 61]);
    assert_eq!((image(&plain.test, 0), labels_of(&plain.test)), (&[255; 6][..], &[9][..]));
    for (zipped, suffix) in [(false, ""), (false, ".gz"), (true, ""), (true, ".gz")] {
        for joint in ["-", "."] {
            let other = tempfile::tempdir()?;
            for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
                let bytes = fs::read(folder.path().join(name))?;
                let name = name.replace("-idx", &format!("{joint}idx")) + suffix;
                fs::write(other.path().join(name), if zipped { gzip(&bytes)? } else { bytes })?;
            }
            let loaded = Split::load(&Source::new(other.path().display().to_string()))?;
            assert!(loaded == plain, "gzipped {zipped}, suffix {suffix:?}, joint {joint:?}");
        }
    }
    Ok(())
}

#[test]
fn truncate_keeps_the_first() -> TestResult {
    let folder = small_set()?;
    let whole = Split::from_folder(folder.path())?.train;
    for (count, kept) in [(usize::MAX, 3), (3, 3), (2, 2), (0, 0)] {
        let mut first = whole.clone();
        first.truncate(count);
        assert_eq!((first.len(), first.is_empty()), (kept, kept == 0));
        assert_eq!(bytes(&first), &bytes(&whole)[..kept * 6]);
        assert_eq!(labels_of(&first), &labels_of(&whole)[..kept]);
    }
    assert_eq!(image(&whole, 2), [12, 13, 14, 15, 16, 17]);
    Ok(())
}

#[test]
fn headers_and_lengths_are_checked() -> TestResult {
    let body = "18 bytes after the header (3 x 2 x 3)";
    for (name, bytes, words) in [
        (TRAIN_IMAGES, vec![], "a header of 8 bytes or more, found 0 bytes"),
        (TRAIN_LABELS, vec![], "a header of 8 bytes or more, found 0 bytes"),
        (TEST_IMAGES, idx(0x803, &[1, 2], &[0; 3]), "a header of 16 bytes, found 15 bytes"),
        (TEST_LABELS, vec![0; 3], "a header of 8 bytes or more, found 3 bytes"),
        (
            TRAIN_IMAGES,
            labels(&[1, 2, 3]),
            "images: items of rows and columns, found one number for each item, as in labels",
        ),
        (
            TRAIN_IMAGES,
            idx(0x703, &[3, 2, 3], &[0; 72]),
            "an IDX file of integers or floats (types 8, 9, 11 to 14), found type 7",
        ),
        (
            TEST_LABELS,
            images([1, 2, 3], &[0; 6]),
            "labels: one number for each item, found 1 x 2 x 3",
        ),
        (TRAIN_IMAGES, images([0, 2, 3], &[]), "sizes above zero, found 0 x 2 x 3"),
        (TRAIN_IMAGES, images([3, 2, 0], &[]), "sizes above zero, found 3 x 2 x 0"),
        (TRAIN_LABELS, labels(&[]), "sizes above zero, found 0"),
        (TRAIN_IMAGES, images([3, 2, 3], &[0; 17]), &format!("{body}, found 17 bytes")),
        (TRAIN_IMAGES, images([3, 2, 3], &[0; 99]), &format!("{body}, found at least 19 bytes")),
        (TRAIN_LABELS, idx(0x801, &[3], &[0; 2]), "3 bytes after the header (3), found 2 bytes"),
    ] {
        assert_rejected(name, &bytes, &format!("expected {words}"))?;
    }
    Ok(())
}

#[test]
fn a_header_cannot_make_it_allocate() -> TestResult {
    let started = Instant::now();
    let expected = "expected 3367254359280 bytes after the header (4294967295 x 28 x 28)";
    let file = images([u32::MAX, 28, 28], &[0; 784]);
    assert_rejected(TRAIN_IMAGES, &file, &format!("{expected}, found 784 bytes"))?;
    let product = [u32::MAX; 3].map(|size| size.to_string()).join(" x ");
    let words = format!("expected sizes whose product fits 64 bits, found {product}");
    assert_rejected(TRAIN_IMAGES, &images([u32::MAX; 3], &[0; 784]), &words)?;
    assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
    Ok(())
}

#[test]
fn labels_may_be_any_numbers() -> TestResult {
    let folder = small_set()?;
    fs::write(folder.path().join(TRAIN_LABELS), labels(&[0, CLASSES as u8, 200]))?;
    let found = Split::from_folder(folder.path())?.train.labels().cloned().ok_or("no labels")?;
    assert_eq!(
        (found.of, found.names),
        (vec![0, 1, 2], ["0", "62", "200"].map(String::from).to_vec())
    );
    Ok(())
}

#[test]
fn files_have_to_match() -> TestResult {
    for count in [2, 4] {
        let words = format!("expected 3 labels, one per image of {TRAIN_IMAGES}, found {count}");
        assert_rejected(TRAIN_LABELS, &labels(&vec![0; count]), &format!("{words} labels"))?;
    }
    for (rows, columns) in [(3, 2), (2, 4), (1, 3)] {
        let words = format!("expected images of 2x3 pixels as in {TRAIN_IMAGES}, found");
        let file = images([1, rows, columns], &vec![0; (rows * columns) as usize]);
        assert_rejected(TEST_IMAGES, &file, &format!("{words} {rows}x{columns}"))?;
    }
    Ok(())
}

#[test]
fn corrupt_gzip_names_the_file() -> TestResult {
    let whole = gzip(&images([3, 2, 3], &[0; 18]))?;
    let mut checksum = whole.clone();
    checksum[whole.len() - 8] ^= 1;
    let mut stream = whole.clone();
    stream[10] = 0xff;
    for bytes in [checksum, stream, whole[..whole.len() - 9].to_vec(), whole[..5].to_vec()] {
        let folder = small_set()?;
        fs::write(folder.path().join(TRAIN_IMAGES), bytes)?;
        let message = message(Split::from_folder(folder.path()));
        assert!(message.contains(&format!("{TRAIN_IMAGES}: cannot decompress: ")), "{message}");
    }
    Ok(())
}

#[test]
fn missing_files_are_named() -> TestResult {
    let empty = tempfile::tempdir()?;
    let words = "expected a file train-images-idx3-ubyte or train-images.idx3-ubyte";
    let words = format!("{}: {words}, plain or with .gz, found no files", empty.path().display());
    assert_eq!(message(Split::from_folder(empty.path())), words);

    let folder = small_set()?;
    fs::remove_file(folder.path().join(TEST_IMAGES))?;
    fs::create_dir(folder.path().join(TEST_IMAGES))?;
    let words = "expected a file t10k-images-idx3-ubyte or t10k-images.idx3-ubyte";
    let files = format!("found {TEST_LABELS}, {TRAIN_IMAGES}, {TRAIN_LABELS}");
    let words = format!("{}: {words}, plain or with .gz, {files}", folder.path().display());
    assert_eq!(message(Split::from_folder(folder.path())), words);

    for number in 0..12 {
        fs::write(folder.path().join(format!("a{number:02}")), [])?;
    }
    let many = message(Split::from_folder(folder.path()));
    assert!(many.contains(", found a00, a01,") && many.ends_with(", a11 and 3 more"), "{many}");

    let absent = empty.path().join("absent");
    let message = message(Split::load(&Source::new(absent.display().to_string())));
    assert!(message.starts_with(&format!("{}: cannot read: ", absent.display())));
    Ok(())
}

#[test]
fn mnist_is_below_the_current_folder_or_above_the_program() -> TestResult {
    let root = tempfile::tempdir()?;
    let [current, program] = ["current", "project/target/wgvae"].map(|name| root.path().join(name));
    let [nearest, near, far] =
        ["project/target/", "project/", ""].map(|name| root.path().join(name).join("data/mnist"));
    let beside = current.join("data/mnist");
    let none = message(KNOWN[0].folder(&current, &program));
    let start = "data/mnist: expected a folder below the current one or above the program, found";
    let places = [&beside, &nearest, &near, &far].map(|path| path.display().to_string());
    let expected = format!("{start} none at {}", places.join(", "));
    let [none, expected] = [none, expected].map(|text| text.replace('\\', "/"));
    assert!(none.starts_with(&expected), "{none}");
    for folder in [far, near, nearest, beside] {
        fs::create_dir_all(&folder)?;
        assert_eq!(KNOWN[0].folder(&current, &program)?, folder);
    }
    Ok(())
}
