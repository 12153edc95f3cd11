//! Files that people have, in `tests/cases`: what each is read as, or refused with. What is read one way in
//! one format is read so in all.

mod models;

use crate::cli::{stderr, wgvae};
use crate::formats::npy;
use image::DynamicImage;
use std::error::Error;
use std::fs;
use std::path::Path;
use wgvae::data::{Account, Dataset, LabelColumn, Levels, Reading, Source, Split, read_images};
use wgvae::device::gpu::{AdapterInfo, Adapters};

type Outcome = Result<(), Box<dyn Error>>;

fn path(case: &str) -> String {
    format!("{}/tests/cases/{case}", env!("CARGO_MANIFEST_DIR"))
}

fn read(case: &str) -> Result<(Dataset, Account), wgvae::Error> {
    read_images(&path(case), None, &Reading::default())
}

fn split(case: &str) -> Result<(Split, Account), wgvae::Error> {
    Split::read(&Source::new(path(case)))
}

/// The message and the remedy of a refusal.
fn refusal<T>(found: Result<T, wgvae::Error>) -> (String, String) {
    match found {
        Err(error @ wgvae::Error::Data { .. }) => {
            let message = error.to_string();
            let wgvae::Error::Data { remedy, .. } = error else { unreachable!() };
            (message, remedy)
        }
        Err(error) => (error.to_string(), String::new()),
        Ok(_) => ("nothing refused".to_owned(), String::new()),
    }
}

fn bytes(set: &Dataset) -> &[u8] {
    match set.levels() {
        Levels::Bytes(bytes) => bytes,
        Levels::Reals(_) => panic!("expected bytes"),
    }
}

fn label(set: &Dataset, image: usize) -> Option<&str> {
    set.labels().map(|labels| labels.name(image))
}

/// A file that is made, since it is smaller so.
fn made(folder: &Path, name: &str, text: &str) -> Result<String, std::io::Error> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

#[test]
fn labels_are_found_where_they_are() -> Outcome {
    for (case, column, first) in [
        ("csv-label-last/digits.csv.gz", 65, "0"),
        ("csv-label-last/header_target.csv", 65, "0"),
        ("csv-label-last/scaled.csv", 65, "0"),
        ("csv-index-column/index200.csv", 2, "0"),
        ("csv-index-column/index300.csv", 2, "0"),
        ("npz-and-others/kaggle.tsv", 1, "0"),
        ("csv-labels-refused/float_label.csv", 1, "0"),
        ("csv-labels-refused/savetxt.csv", 1, "0"),
        ("csv-labels-refused/text_label.csv", 1, "cat"),
        ("csv-labels-refused/unlabelled.csv", 1, "-1"),
        ("csv-labels-refused/classes100.csv", 1, "0"),
    ] {
        let (set, account) = read(case).map_err(|error| format!("{case}: {error}"))?;
        assert_eq!(set.size(), "8x8".parse()?, "{case}");
        assert_eq!(label(&set, 0), Some(first), "{case}");
        assert_eq!(account.reading.label_column, Some(LabelColumn::Number(column)), "{case}");
    }
    // Words are labels, whatever the header calls them, and though all columns make a line of pixels.
    let folder = tempfile::tempdir()?;
    let text = "animal,a,b,c,d\ncat,1,200,3,250\ndog,250,3,200,1\ncat,9,8,220,6\n";
    let path = made(folder.path(), "animals.csv", text)?;
    let (set, _) = read_images(&path, None, &Reading::default())?;
    assert_eq!((label(&set, 1), set.width()), (Some("dog"), 4));
    Ok(())
}

/// Two readings, neither of which is clearly meant.
#[test]
fn where_two_columns_may_be_labels_the_flags_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let text = "0,9,9,9,0\n1,9,9,9,1\n1,9,9,9,0\n";
    let path = made(folder.path(), "two.csv", text)?;
    let (message, remedy) = refusal(read_images(&path, None, &Reading::default()));
    assert!(message.contains("two possible columns: 1 and 5"), "{message}");
    assert_eq!(remedy, "label_column = 1, label_column = 5 or label_column = none");
    for (column, expected) in [("first", [9, 9, 9, 0]), ("last", [0, 9, 9, 9]), ("5", [0, 9, 9, 9])]
    {
        let Ok(column) = column.parse();
        let reading = Reading { label_column: Some(column), ..Reading::default() };
        let (set, _) = read_images(&path, None, &reading)?;
        assert_eq!(bytes(&set)[..4], expected);
    }
    let reading = Reading { label_column: Some(LabelColumn::None), ..Reading::default() };
    let (set, _) = read_images(&path, None, &reading)?;
    assert_eq!((set.width(), set.labels()), (5, None));
    Ok(())
}

#[test]
fn a_header_of_numbers_is_no_image() -> Outcome {
    let (set, account) = read("csv-numeric-header/digits.csv")?;
    assert_eq!((set.len(), account.reading.header), (40, Some(true)));
    let folder = tempfile::tempdir()?;
    // As pandas names columns that are there twice.
    let path = made(folder.path(), "doubled.csv", "0,0.1,7,0.2\n1,2,3,4\n5,6,7,8\n")?;
    let (set, _) = read_images(&path, None, &Reading::default())?;
    assert_eq!(bytes(&set), [1, 2, 3, 4, 5, 6, 7, 8]);
    let reading = Reading { header: Some(false), white: Some(8.0), ..Reading::default() };
    assert_eq!(read_images(&path, None, &reading)?.0.len(), 3);
    Ok(())
}

#[test]
fn an_index_is_no_pixel() -> Outcome {
    let (set, account) = read("csv-index-column/index200.csv")?;
    assert_eq!(set.width(), 64);
    assert!(account.made.iter().any(|made| made == "column 1 numbers the rows and is left out"));
    Ok(())
}

#[test]
fn blank_images_are_refused_with_what_white_may_be() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small =
        ["--device", "cpu", "--epochs", "1", "--hidden", "4,2", "--batch", "5", "--run", &run];
    for (case, white, largest) in [
        ("blank-after-threshold/digits_0_16.npy", "--white 16", 16.0),
        ("csv-label-last/digits.csv.gz", "--white 16", 16.0),
        ("png-16bit-12/p12", "--white 4080", 4080.0),
    ] {
        let data = path(case);
        let output = wgvae(&[&["train", "--data", &data][..], &small].concat())?;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{case}: {said}");
        assert!(said.contains("expected images that differ, found all "), "{case}: {said}");
        assert!(said.contains(white), "{case}: {said}");
        let reading = Reading { white: Some(largest), ..Reading::default() };
        let (set, _) = read_images(&data, None, &reading)?;
        let coverage = set.coverage(wgvae::graph::Binarize::Threshold);
        assert!(coverage.white > 0.1 && coverage.blank == 0, "{case}: {coverage:?}");
    }
    Ok(())
}

#[test]
fn zeros_and_ones_are_black_and_white_in_every_format() -> Outcome {
    let (masks, account) = read("png-mask-01/masks")?;
    assert!(bytes(&masks).iter().all(|level| [0, 255].contains(level)));
    assert!(bytes(&masks).contains(&255));
    assert_eq!(account.reading.white, Some(1.0));
    // Before they are made smaller, so that there are greys between.
    let small = Some("4x4".parse()?);
    let (masks, _) = read_images(&path("png-mask-01/masks"), small, &Reading::default())?;
    assert!(bytes(&masks).iter().any(|level| ![0, 255].contains(level)));
    Ok(())
}

#[test]
fn transparency_is_white_or_what_is_said() -> Outcome {
    let (strokes, account) = read("png-alpha/alpha")?;
    assert_eq!(account.reading.background, Some(255));
    assert!(bytes(&strokes).contains(&255) && bytes(&strokes).contains(&0));
    let reading = Reading { background: Some(0), ..Reading::default() };
    let (on_black, _) = read_images(&path("png-alpha/alpha"), None, &reading)?;
    assert!(bytes(&on_black).iter().all(|&level| level == 0), "black on black");
    Ok(())
}

#[test]
fn folders_that_are_parts_of_a_set_are_no_labels() -> Outcome {
    for case in ["folder-train-val/flat", "folder-train-val/classes"] {
        let (found, account) = split(case)?;
        assert!(!found.train.is_empty() && !found.test.is_empty());
        assert!(
            account.made.iter().any(|made| made.ends_with("val are the test images")),
            "{account:?}"
        );
        let names = found.train.labels().cloned().map(|labels| labels.names);
        assert!(
            names.is_none_or(|names| names == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
        );
    }
    Ok(())
}

#[test]
fn pictures_of_all_kinds_are_read_and_others_counted() -> Outcome {
    let (mixed, _) = read("mixed-formats/mixed")?;
    assert_eq!(mixed.len(), 12);
    let (jfif, _) = read("mixed-formats/jfif")?;
    assert!(!jfif.is_empty());
    let kinds = tempfile::tempdir()?;
    for (ending, has_colour) in [
        ("png", false),
        ("jpg", false),
        ("bmp", false),
        ("gif", true),
        ("tif", false),
        ("webp", true),
        ("pgm", false),
    ] {
        let grey = DynamicImage::from(image::GrayImage::from_pixel(8, 8, image::Luma([200])));
        let picture = if has_colour { DynamicImage::from(grey.to_rgba8()) } else { grey };
        picture.save(kinds.path().join(format!("x.{ending}")))?;
    }
    let all = kinds.path().display().to_string();
    let (set, _) = read_images(&all, None, &Reading::default())?;
    assert_eq!(set.len(), 7);
    assert!(bytes(&set).iter().all(|level| level.abs_diff(200) <= 1));
    let folder = tempfile::tempdir()?;
    for name in ["1.png", "2.png", "10.png"] {
        image::GrayImage::from_pixel(2, 2, image::Luma([if name == "10.png" { 9 } else { 200 }]))
            .save(folder.path().join(name))?;
    }
    fs::write(folder.path().join("notes.txt"), "none")?;
    let (set, account) =
        read_images(&folder.path().display().to_string(), None, &Reading::default())?;
    // In the order in which people count.
    assert_eq!(bytes(&set)[8..], [9; 4]);
    assert!(account.found.iter().any(|found| found == "left out: 1 .txt"), "{account:?}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn names_of_any_bytes_are_read() -> Outcome {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir()?;
    let class = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&class)?;
    image::GrayImage::from_pixel(2, 2, image::Luma([7])).save(folder.path().join("x.png"))?;
    let name = class.join(std::ffi::OsStr::from_bytes(b"th\xe9.png"));
    fs::rename(folder.path().join("x.png"), name)?;
    let (set, _) = read_images(&folder.path().display().to_string(), None, &Reading::default())?;
    assert_eq!((set.len(), label(&set, 0)), (1, Some("caf\u{fffd}")));
    Ok(())
}

#[test]
fn folders_in_folders_are_labels_by_their_path() -> Outcome {
    let (set, _) = read("nested-folders/omniglot")?;
    let names = set.labels().cloned().ok_or("no labels")?.names;
    assert_eq!(
        names,
        ["Greek/character01", "Greek/character02", "Latin/character01", "Latin/character02"]
    );
    let (raw, _) = split("nested-folders/torchvision/MNIST")?;
    assert!(!raw.train.is_empty());
    Ok(())
}

#[test]
fn idx_files_of_other_types_are_read() -> Outcome {
    for case in ["channel", "cls100", "flat", "float", "int32labels", "nolabels", "valname"] {
        let (found, _) = split(&format!("idx-other-types/{case}"))
            .map_err(|error| format!("{case}: {error}"))?;
        assert_eq!((found.train.len(), found.test.len()), (12, 12), "{case}");
        assert_eq!(found.train.size(), "8x8".parse()?, "{case}");
        assert_eq!(found.train.labels().is_some(), case != "nolabels", "{case}");
    }
    Ok(())
}

#[test]
fn what_numpy_and_others_write_is_read() -> Outcome {
    for case in [
        "npy-cnpy/cnpy_u8.npy",
        "npz-and-others/digits.npz",
        "npz-and-others/digits.npy.gz",
        "npz-and-others/kaggle.csv.zip",
        "npz-and-others/savetxt.txt",
    ] {
        let (set, _) = read(case).map_err(|error| format!("{case}: {error}"))?;
        assert_eq!(set.size(), "8x8".parse()?, "{case}");
        assert!(set.len() >= 40, "{case}");
    }
    Ok(())
}

#[test]
fn every_type_of_numpy_has_the_same_images() -> Outcome {
    use crate::formats::npy;
    let folder = tempfile::tempdir()?;
    let numbers: Vec<u8> = (0..8).collect();
    let path = folder.path().join("x.npy");
    let wide = |width: usize, big: bool| -> Vec<u8> {
        let number = |&number: &u8| {
            let mut bytes = vec![0; width];
            bytes[if big { width - 1 } else { 0 }] = number;
            bytes
        };
        numbers.iter().flat_map(number).collect()
    };
    for (kind, data) in [
        ("|u1", wide(1, false)),
        ("<u1", wide(1, false)),
        ("B", wide(1, false)),
        ("|i1", wide(1, false)),
        ("<i2", wide(2, false)),
        (">u2", wide(2, true)),
        ("<i4", wide(4, false)),
        (">i8", wide(8, true)),
        ("<u8", wide(8, false)),
    ] {
        fs::write(&path, npy(kind, "(2L, 4L)", &data))?;
        let (set, _) = read_images(&path.display().to_string(), None, &Reading::default())?;
        assert_eq!(bytes(&set), numbers, "{kind}");
    }
    let floats: Vec<u8> =
        numbers.iter().flat_map(|&n| (f32::from(n) / 8.0).to_be_bytes()).collect();
    fs::write(&path, npy(">f4", "(2, 4)", &floats))?;
    let (set, _) = read_images(&path.display().to_string(), None, &Reading::default())?;
    assert_eq!(*set.levels(), Levels::Reals(numbers.iter().map(|&n| f32::from(n) / 8.0).collect()));
    Ok(())
}

#[test]
fn what_is_not_read_has_a_line_that_converts_it() -> Outcome {
    for (case, kind, remedy) in [
        ("npz-and-others/digits.parquet", "Parquet", "pandas.read_parquet"),
        ("npz-and-others/digits.h5", "HDF5", "h5py.File"),
        ("npz-and-others/frey.mat", "MATLAB", "scipy.io.loadmat"),
        ("npz-and-others/pictures.tar.gz", "tar", "tar -xf"),
        ("npy-colour/rgb.npy", "without colours", "x[..., :3].mean(-1)"),
        ("npy-colour/above.npy", "a number from 0 to 1", "numpy.clip(x, 0, 1)"),
        ("picture-errors/empty", "an empty file", "delete it"),
        ("picture-errors/truncated", "a complete", "download it again"),
    ] {
        let (message, found) = refusal(read(case));
        assert!(message.contains(kind), "{case}: {message}");
        assert!(found.contains(remedy), "{case}: {message}: {found}");
    }
    Ok(())
}

#[test]
fn pictures_stand_as_their_exif_says() -> Outcome {
    let (_, account) = read("picture-errors/exif_mixed")?;
    let is_said = |found: &String| found.ends_with("turned by their EXIF orientation");
    assert!(account.found.iter().any(is_said), "{account:?}");
    assert!(!read("picture-errors/webp")?.0.is_empty());
    Ok(())
}

#[test]
fn labels_in_other_letters_are_names() -> Outcome {
    let (set, _) = read("cjk-labels/pics")?;
    assert_eq!(set.labels().cloned().ok_or("no labels")?.names, ["犬", "猫", "鳥"]);
    Ok(())
}

#[test]
fn pictures_are_read_in_the_order_of_their_numbers() -> Outcome {
    let (pictures, _) = read("numbered-names/pics")?;
    let (expected, _) = read("numbered-names/in_order.npy")?;
    let count = pictures.len().min(expected.len()) * pictures.width();
    assert_eq!(bytes(&pictures)[..count], bytes(&expected)[..count]);
    Ok(())
}

/// A pipe can be read once.
#[cfg(unix)]
#[test]
fn standard_input_is_read_once() -> Outcome {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    for data in ["-", "/dev/stdin"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wgvae"))
            .args(["train", "--device", "cpu", "--epochs", "1", "--hidden", "4,2", "--batch", "5"])
            .args(["--data", data, "--run"])
            .arg(run.with_extension(data.len().to_string()))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let text = fs::read(path("csv-label-last/scaled.csv"))?;
        if let Some(mut pipe) = child.stdin.take() {
            std::io::Write::write_all(&mut pipe, &text)?;
        }
        let output = child.wait_with_output()?;
        assert_eq!(output.status.code(), Some(0), "{data}: {}", stderr(&output));
        assert!(stderr(&output).contains("column 65 is the label"), "{data}: {}", stderr(&output));
    }
    Ok(())
}

/// As bytes they would fit a buffer that they do not as floats.
#[test]
fn numbers_that_are_too_many_for_a_binding_are_advised_to_be_bytes() -> Outcome {
    let (count, side) = (40, 1024);
    let adapters = Adapters::enumerate();
    let is_small = |info: &&AdapterInfo| info.max_binding_bytes < (count * side * side * 4) as u64;
    let Some(adapter) = adapters.list().iter().find(is_small) else {
        println!("no adapter is there whose bindings are small: those of Mesa on the CPU are");
        return Ok(());
    };
    let device = adapter.index.to_string();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("x.npy");
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {side}, {side})}}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    // The nth has n thousand white pixels.
    let image = |white: usize| (0..side * side).map(move |pixel| f32::from(pixel < 1000 * white));
    bytes.extend((0..count).flat_map(image).flat_map(f32::to_le_bytes));
    fs::write(&file, bytes)?;
    let (data, run) = (file.display().to_string(), folder.path().join("run").display().to_string());
    let flags = ["train", "--data", &data, "--device", &device, "--batch", "1", "--hidden", "2,1"];
    let output = wgvae(&[&flags[..], &["--run", &run]].concat())?;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("for train.images as float32"), "{said}");
    assert!(said.contains("numpy.uint8, from 0 to 255: a quarter of the bytes"), "{said}");
    Ok(())
}

/// A run's data by a path from another folder is the same data, or none.
#[test]
fn a_run_is_measured_on_its_own_data_from_any_folder() -> Outcome {
    let folder = tempfile::tempdir()?;
    let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
    let within = |current: &Path, arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_wgvae"))
            .args(arguments)
            .current_dir(current)
            .output()
    };
    let scaled = fs::read_to_string(path("csv-label-last/scaled.csv"))?;
    let lines: Vec<&str> = scaled.lines().collect();
    for (current, lines) in [(&here, &lines[..20]), (&there, &lines[20..])] {
        fs::create_dir(current)?;
        fs::write(current.join("d.csv"), lines.join("\n") + "\n")?;
    }
    let small = ["--device", "cpu", "--epochs", "1", "--hidden", "4,2", "--batch", "5"];
    let flags = ["train", "--data", "d.csv", "--label-column", "last", "--run", "../run"];
    let output = within(&here, &[&flags[..], &small].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let eval = ["eval", "../run", "--device", "cpu"];
    let [one, other] = [&here, &there].map(|current| within(current, &eval));
    assert_eq!(one?.stdout, other?.stdout);
    fs::copy(there.join("d.csv"), here.join("d.csv"))?;
    let output = within(&here, &eval)?;
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output)
            .contains("expected the images that the run was trained on, found other images")
    );
    assert!(stderr(&output).contains("--input"));
    Ok(())
}

/// Files as those who publish data lay them out, made small.
#[test]
fn layouts_of_public_sets_are_read_or_refused_with_what_to_do() -> Outcome {
    let folder = tempfile::tempdir()?;
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let said = |name: &str| refusal(read_images(&inside(name), None, &Reading::default()));
    // The UCI's semeion: 16 by 16 pixels, and the label as ten columns.
    let line = |row: usize| {
        let pixels = (0..256).map(|pixel| ["0", "1"][usize::from(pixel % (row + 2) == 0)]);
        let label = (0..10).map(|class| ["0", "1"][usize::from(class == row % 10)]);
        pixels.chain(label).collect::<Vec<_>>().join(" ") + "\n"
    };
    fs::write(inside("semeion.data"), (0..20).map(line).collect::<String>())?;
    let (message, remedy) = said("semeion.data");
    assert!(message.contains("a 1 in one of the last 10 of each row"), "{message}");
    assert!(remedy.contains("size = 1x266"), "{remedy}");
    let size = Some("1x266".parse()?);
    assert_eq!(read_images(&inside("semeion.data"), size, &Reading::default())?.0.width(), 266);
    // OpenML's and LIBSVM's.
    fs::write(inside("mnist_784.arff"), "@RELATION mnist\n@ATTRIBUTE a real\n@DATA\n1,2\n")?;
    let (message, remedy) = said("mnist_784.arff");
    assert!(message.contains("ARFF") && remedy.contains("loadarff"), "{message} {remedy}");
    fs::write(inside("usps"), "7 1:-1 2:0.5 4:1\n3 2:0.25\n")?;
    let (message, remedy) = said("usps");
    assert!(message.contains("LIBSVM") && remedy.contains("svmlight"), "{message} {remedy}");
    // Quick, Draw!: a file a class.
    fs::create_dir(inside("quickdraw"))?;
    let pixels: Vec<u8> = (0..64).map(|pixel| pixel * 3).collect();
    for name in ["cat", "dog"] {
        fs::write(inside(&format!("quickdraw/{name}.npy")), npy("|u1", "(4, 16)", &pixels))?;
    }
    let (_, remedy) = said("quickdraw");
    assert!(remedy.contains("cat.npy, one file"), "{remedy}");
    // Keras' and MedMNIST's: both sets, which are both said.
    for [train, train_labels, test, test_labels] in [
        ["x_train", "y_train", "x_test", "y_test"],
        ["train_images", "train_labels", "test_images", "test_labels"],
    ] {
        let mut archive = zip::ZipWriter::new(fs::File::create(inside("set.npz"))?);
        let mut add = |name: &str, bytes: Vec<u8>| -> Outcome {
            archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default())?;
            Ok(std::io::Write::write_all(&mut archive, &bytes)?)
        };
        add(test, npy("|u1", "(2, 4, 4)", &pixels[..32]))?;
        add(test_labels, npy("|u1", "(2, 1)", &[5, 6]))?;
        add(train, npy("|u1", "(4, 4, 4)", &pixels))?;
        add(train_labels, npy("|u1", "(4, 1)", &[1, 2, 3, 1]))?;
        archive.finish()?;
        let (split, account) = Split::read(&Source::new(inside("set.npz")))?;
        assert_eq!((split.train.len(), split.test.len()), (4, 2), "{train}");
        assert_eq!((label(&split.train, 1), label(&split.test, 1)), (Some("2"), Some("6")));
        let made = account.made.join(", ");
        assert!(made.contains(&format!("{test} the test images")), "{made}");
    }
    Ok(())
}
