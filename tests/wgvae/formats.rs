//! Data that people have: each format is read as what it says, trains an epoch, and is refused with
//! file, place and remedy where it is wrong.

use crate::cli::{stderr, wgvae};
use flate2::{Compression, write::GzEncoder};
use image::{GrayImage, Luma, Rgb, RgbImage};
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use wgvae::data::{Dataset, Levels, Size, Source, Split, load_images};

type Outcome = Result<(), Box<dyn Error>>;

/// Images of the tests: small ones with a grey level of its own for each pixel.
const COUNT: usize = 40;
const WIDTH: usize = 16;

/// Grey level of a pixel.
fn level(image: usize, pixel: usize) -> u8 {
    ((image * 37 + pixel * 11) % 256) as u8
}

fn all_levels() -> Vec<u8> {
    (0..COUNT).flat_map(|image| (0..WIDTH).map(move |pixel| level(image, pixel))).collect()
}

fn bytes(set: &Dataset) -> Vec<u8> {
    match set.levels() {
        Levels::Bytes(bytes) => bytes.clone(),
        Levels::Reals(_) => panic!("expected bytes"),
    }
}

/// Lines of numbers.
fn lines(separator: &str, line: impl Fn(usize) -> Vec<String>) -> Vec<String> {
    (0..COUNT).map(|image| line(image).join(separator)).collect()
}

fn pixels(image: usize) -> Vec<String> {
    (0..WIDTH).map(|pixel| level(image, pixel).to_string()).collect()
}

fn labelled(image: usize) -> Vec<String> {
    std::iter::once((image % 10).to_string()).chain(pixels(image)).collect()
}

/// A `.npy` file with this header's contents.
pub(crate) fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn reals(levels: &[u8]) -> Vec<f32> {
    levels.iter().map(|&level| f32::from(level) / 255.0).collect()
}

fn picture(image: usize) -> GrayImage {
    GrayImage::from_fn(4, 4, |x, y| Luma([level(image, (4 * y + x) as usize)]))
}

/// A folder with a file or folder of each format, and its name.
fn every_format(folder: &Path) -> Result<Vec<&'static str>, Box<dyn Error>> {
    let levels = all_levels();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes);
    let header: Vec<_> = (0..WIDTH).map(|pixel| format!("pixel{pixel}")).collect();
    let header = format!("label,{}", header.join(","));
    let kaggle = [vec![header], lines(",", labelled)].concat().join("\n");
    write("kaggle.csv", kaggle.as_bytes())?;
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(kaggle.as_bytes())?;
    write("zipped.csv.gz", &zipped.finish()?)?;
    write("headless.csv", lines(",", labelled).join("\r\n").as_bytes())?;
    write("unlabelled.csv", lines(" , ", pixels).join("\n").as_bytes())?;
    let binary = |image| (0..WIDTH).map(|p| (level(image, p) / 128).to_string()).collect();
    write("binary.amat", lines(" ", binary).join(" \n").as_bytes())?;
    write("bytes.npy", &npy("|u1", "(40, 16)", &levels))?;
    write("squares.npy", &npy("|u1", "(40, 4, 4)", &levels))?;
    write("reals.npy", &npy("<f4", "(40, 1, 4, 4)", bytemuck::cast_slice(&reals(&levels))))?;
    let doubles: Vec<_> = reals(&levels).into_iter().map(f64::from).collect();
    write("doubles.npy", &npy("<f8", "(40, 4, 4, 1)", bytemuck::cast_slice(&doubles)))?;
    let [flat, classes] = ["flat", "classes"].map(|name| folder.join(name));
    fs::create_dir(&flat)?;
    for image in 0..COUNT {
        let class = classes.join(["cat", "dog", "10", "9"][image % 4]);
        fs::create_dir_all(&class)?;
        picture(image).save(flat.join(format!("{image:02}.png")))?;
        picture(image).save(class.join(format!("{image:02}.PNG")))?;
    }
    fs::write(flat.join("notes.txt"), "not a picture")?;
    fs::write(flat.join("._00.png"), "not one either")?;
    Ok(vec![
        "kaggle.csv",
        "zipped.csv.gz",
        "headless.csv",
        "unlabelled.csv",
        "binary.amat",
        "bytes.npy",
        "squares.npy",
        "reals.npy",
        "doubles.npy",
        "flat",
        "classes",
    ])
}

#[test]
fn every_format_is_read_as_what_it_says() -> Outcome {
    let folder = tempfile::tempdir()?;
    let names = every_format(folder.path())?;
    for name in names {
        let set = load_images(&folder.path().join(name).display().to_string(), None)?;
        assert_eq!((set.len(), set.size()), (COUNT, "4x4".parse::<Size>()?), "{name}");
        match name {
            "reals.npy" | "doubles.npy" => {
                assert_eq!(*set.levels(), Levels::Reals(reals(&all_levels())), "{name}");
            }
            "binary.amat" => {
                let expected: Vec<_> = all_levels().iter().map(|l| l / 128 * 255).collect();
                assert_eq!(bytes(&set), expected);
            }
            // By label, then by name: 9, 10, cat, dog.
            "classes" => {
                let order = (0..4)
                    .flat_map(|class| (0..COUNT).filter(move |i| i % 4 == [3, 2, 0, 1][class]));
                let expected: Vec<u8> =
                    order.flat_map(|i| (0..WIDTH).map(move |p| level(i, p))).collect();
                assert_eq!(bytes(&set), expected);
            }
            _ => assert_eq!(bytes(&set), all_levels(), "{name}"),
        }
        let expected = match name {
            "kaggle.csv" | "zipped.csv.gz" | "headless.csv" => Some("3"),
            "classes" => Some("9"),
            _ => None,
        };
        assert_eq!(set.labels().map(|labels| labels.name(3)), expected, "{name}");
    }
    Ok(())
}

#[test]
fn every_format_trains() -> Outcome {
    let folder = tempfile::tempdir()?;
    for name in every_format(folder.path())? {
        let data = folder.path().join(name).display().to_string();
        let run = folder.path().join(format!("run of {name}")).display().to_string();
        let small = ["--device", "cpu", "--epochs", "1", "--hidden", "5,2", "--batch", "4"];
        for grey in ["threshold", "stochastic", "none"] {
            let run = format!("{run} {grey}");
            let flags = ["train", "--data", &data, "--run", &run, "--binarize", grey];
            let output = wgvae(&[&flags[..], &small].concat())?;
            assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
            assert!(stderr(&output).contains("36 training and 4 test images"), "{name}");
        }
        // What is asked of the run later finds the same test images.
        let output = wgvae(&["eval", &format!("{run} none"), "--device", "cpu"])?;
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        assert!(String::from_utf8(output.stdout)?.contains("\n4 images, "), "{name}");
    }
    Ok(())
}

#[test]
fn colour_becomes_grey_and_size_is_made_to_fit() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("colour.png");
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
    RgbImage::from_fn(4, 2, |x, y| Rgb(colours[(2 * y + x / 2) as usize])).save(&path)?;
    let whole = load_images(&path.display().to_string(), None)?;
    assert_eq!(whole.size(), "2x4".parse()?);
    // Luma by ITU-R BT.601, as Pillow has it.
    assert_eq!(bytes(&whole), [76, 76, 150, 150, 29, 29, 255, 255]);
    let half = bytes(&load_images(&path.display().to_string(), Some("1x2".parse()?))?);
    // Columns weigh 3, 3, 1, 0 by their distance, and 0, 1, 3, 3.
    assert_eq!(half, [74, 181]);
    let jpeg = folder.path().join("grey.jpeg");
    GrayImage::from_pixel(8, 8, Luma([200])).save(&jpeg)?;
    let grey = load_images(&jpeg.display().to_string(), None)?;
    assert!(bytes(&grey).iter().all(|level| level.abs_diff(200) <= 1));
    Ok(())
}

#[test]
fn test_sets_are_named_found_or_held_out() -> Outcome {
    let folder = tempfile::tempdir()?;
    every_format(folder.path())?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let source = Source::new(path("bytes.npy"));
    let Split { train, test, .. } = Split::load(&source)?;
    assert_eq!((train.len(), test.len()), (36, 4));
    // Each image is in one of them, and which does not change.
    let mut all: Vec<_> =
        bytes(&train).chunks(WIDTH).chain(bytes(&test).chunks(WIDTH)).map(<[u8]>::to_vec).collect();
    assert_ne!(all.concat()[36 * WIDTH..], all_levels()[36 * WIDTH..], "the last are held out");
    all.sort();
    let mut expected: Vec<_> = all_levels().chunks(WIDTH).map(<[u8]>::to_vec).collect();
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(Split::load(&source)?.test, test);

    let quarter = Split::load(&Source { test_fraction: Some(0.25), ..source.clone() })?;
    assert_eq!((quarter.train.len(), quarter.test.len()), (30, 10));
    let named = Split::load(&Source { test_data: Some(path("kaggle.csv")), ..source.clone() })?;
    assert_eq!((named.train.len(), named.test.len()), (40, 40));
    for fraction in [0.0, 1.0, -0.5, 0.001, 0.999, f64::NAN] {
        let split = Split::load(&Source { test_fraction: Some(fraction), ..source.clone() });
        assert!(split.is_err(), "{fraction}");
    }

    let both = folder.path().join("both");
    fs::create_dir(&both)?;
    fs::rename(folder.path().join("classes"), both.join("train"))?;
    fs::rename(folder.path().join("flat"), both.join("test"))?;
    let found = Split::load(&Source::new(path("both")))?;
    assert!(found.train.labels().is_some() && found.test.labels().is_none());
    assert_eq!(bytes(&found.test), all_levels());
    Ok(())
}

#[test]
fn a_folder_of_several_sets_is_asked_for_one() -> Outcome {
    let folder = tempfile::tempdir()?;
    let idx = |magic: u32, sizes: &[u32], bytes: &[u8]| {
        let words: Vec<u8> =
            [&[magic], sizes].concat().iter().flat_map(|w| w.to_be_bytes()).collect();
        [words, bytes.to_vec()].concat()
    };
    for (set, bright) in [("emnist-digits", 7), ("emnist-letters", 9)] {
        for half in ["train", "test"] {
            let name = |what: &str| folder.path().join(format!("{set}-{half}-{what}-ubyte"));
            fs::write(name("images-idx3"), idx(0x803, &[2, 2, 2], &[bright; 8]))?;
            fs::write(name("labels-idx1"), idx(0x801, &[2], &[1, 26]))?;
        }
    }
    let path = folder.path().display().to_string();
    let refused =
        load_images(&path, None).map_or_else(|error| error.to_string(), |_| String::new());
    assert!(refused.contains("one set of images, found several: "), "{refused}");
    assert!(refused.contains("emnist-digits, ") && refused.contains("emnist-letters"), "{refused}");
    let letters = Split::load(&Source::new(format!("{path}/emnist-letters")))?;
    assert_eq!(bytes(&letters.test), [9; 8]);
    let test = load_images(&format!("{path}/emnist-digits-test-images-idx3-ubyte"), None)?;
    assert_eq!(
        (bytes(&test), test.labels().cloned().map(|labels| labels.of)),
        (vec![7; 8], Some(vec![1, 26]))
    );
    Ok(())
}

/// What a user may have instead, and what is said of it.
#[test]
fn wrong_data_is_refused_with_place_and_remedy() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, bytes: &[u8]| -> std::io::Result<PathBuf> {
        let path = folder.path().join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    };
    let mut wide = lines(",", labelled);
    wide[16].push_str(",3");
    let change = |line: usize, cell: usize, to: &str| {
        let mut all: Vec<Vec<String>> = (0..COUNT).map(labelled).collect();
        all[line - 1][cell - 1] = to.to_owned();
        all.into_iter().map(|cells| cells.join(",")).collect::<Vec<_>>().join("\n")
    };
    let mut png = Vec::new();
    picture(0).write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)?;
    let empty = folder.path().join("empty");
    let cut = folder.path().join("cut");
    let sizes = folder.path().join("sizes");
    let mixed = folder.path().join("mixed");
    for path in [&empty, &cut, &sizes, &mixed.join("class")] {
        fs::create_dir_all(path)?;
    }
    fs::write(cut.join("0.png"), &png)?;
    fs::write(cut.join("1.png"), &png[..png.len() - 20])?;
    picture(0).save(sizes.join("0.png"))?;
    GrayImage::new(5, 4).save(sizes.join("1.png"))?;
    picture(0).save(mixed.join("0.png"))?;
    picture(0).save(mixed.join("class").join("0.png"))?;
    let mut nan = reals(&all_levels());
    nan[2 * WIDTH + 5] = f32::NAN;
    let mut bright = reals(&all_levels());
    bright[3 * WIDTH] = 1.5;
    let amat = [vec!["0 1 0 1".to_owned(); 4], vec!["0 1 0 x".to_owned()]].concat().join("\n");
    let cases = [
        (
            file("wide.csv", wide.join("\n").as_bytes())?,
            "17 cells in row 17, as in the first, found 18",
        ),
        (
            file("label.csv", change(5, 1, "300").as_bytes())?,
            "one column of labels, found two possible columns: 1 and 17",
        ),
        (
            file("missing.csv", change(8, 4, "").as_bytes())?,
            "a number in row 8, column 4, found nothing",
        ),
        (
            file("first.csv", change(1, 2, "").as_bytes())?,
            "a number in row 1, column 2, found nothing",
        ),
        (file("word.csv", change(9, 3, "x").as_bytes())?, "a number in row 9, column 3, found x"),
        (
            file("above.csv", change(7, 17, "256").as_bytes())?,
            "a whole number from 0 to 255 in row 7, column 17, found 256",
        ),
        (file("negative.csv", change(7, 2, "-1").as_bytes())?, "in row 7, column 2, found -1"),
        (
            file("part.csv", change(7, 2, "0.5").as_bytes())?,
            "a number from 0 to 1 in row 1, column",
        ),
        (
            file("nan.csv", change(7, 2, "nan").as_bytes())?,
            "a number in row 7, column 2, found nan",
        ),
        (file("nothing.csv", b"")?, "a row of numbers, found no line"),
        (file("header.csv", b"label,a,b\n")?, "one line per image, found only a header"),
        (file("word.amat", amat.as_bytes())?, "a number in row 5, column 4, found x"),
        (
            file("nan.npy", &npy("<f4", "(40, 16)", bytemuck::cast_slice(&nan)))?,
            "a number from 0 to 1 in row 3, column 6, found NaN",
        ),
        (
            file("bright.npy", &npy("<f4", "(40, 16)", bytemuck::cast_slice(&bright)))?,
            "a number from 0 to 1 in row 4, column 1, found 1.5",
        ),
        (
            file("object.npy", &npy("|O", "(40, 16)", &[0; 99]))?,
            "elements of a plain type, found |O",
        ),
        (file("complex.npy", &npy("<c8", "(1, 2)", &[0; 16]))?, "integers or floats, found <c8"),
        (file("line.npy", &npy("|u1", "(40,)", &[0; 40]))?, "[images, rows, columns], found [40]"),
        (file("none.npy", &npy("|u1", "(0, 16)", &[]))?, "found [0, 16]"),
        (
            file("short.npy", &npy("|u1", "(40, 16)", &[0; 639]))?,
            "as many numbers as the header says",
        ),
        (file("cut.npy", b"\x93NUM")?, "a .npy file, found another"),
        (file("text.txt", b"some text")?, "one line per image, found only a header"),
        (empty.clone(), "found no files"),
        (cut, "1.png: expected a complete png picture"),
        (sizes, "1.png: expected a picture of 4x4 pixels"),
        (mixed, "a subfolder of pictures for each label, found both"),
        (folder.path().join("absent.csv"), "absent.csv: cannot read"),
    ];
    let run = folder.path().join("run");
    for (path, said) in cases {
        let data = path.display().to_string();
        let to = run.display().to_string();
        let output = wgvae(&["train", "--device", "cpu", "--data", &data, "--run", &to])?;
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{data}: {message}");
        assert!(message.contains(&data) && message.contains(said), "{data}: {said}: {message}");
        assert!(
            message.contains("\n  try: ") || said.contains("cannot read") || data.ends_with(".txt"),
            "{data}: {message}"
        );
        assert!(!run.exists(), "{data} left something behind");
    }
    Ok(())
}

#[test]
fn a_model_refuses_images_of_another_width() -> Outcome {
    let folder = tempfile::tempdir()?;
    every_format(folder.path())?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let small = ["--device", "cpu", "--epochs", "1", "--hidden", "5,2", "--batch", "4"];
    let trained = ["train", "--data", &path("bytes.npy"), "--run", &path("run")];
    assert!(wgvae(&[&trained[..], &small].concat())?.status.success());
    let (run, z) = (path("run"), path("z.npy"));
    let encode = |input: &str, more: &[&str]| {
        let flags = ["encode", &run, "--device", "cpu", "--input", input, "--output", &z];
        wgvae(&[&flags[..], more].concat())
    };
    let refused = encode("mnist", &[])?;
    assert_eq!(refused.status.code(), Some(2));
    let said =
        "--input: expected images of 16 pixels, as the model requires, found 28x28 pixels in mnist";
    assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    assert!(!folder.path().join("z.npy").exists());
    // A picture of another size is made to fit where that is asked for.
    GrayImage::new(30, 20).save(path("photo.png"))?;
    let said = "found 20x30 pixels in";
    let refused = encode(&path("photo.png"), &[])?;
    assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("try: --size ROWSxCOLUMNS"), "{}", stderr(&refused));
    let output = encode(&path("photo.png"), &["--size", "4x4"])?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(wgvae::Matrix::read(&folder.path().join("z.npy"))?.rows(), 1);
    Ok(())
}
