//! Broken files of images and settings, and a few that are whole.

use super::Outcome;
use crate::formats::npy;
use flate2::{Compression, write::GzEncoder};
use image::{GrayImage, ImageFormat, RgbaImage};
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use wgvae::kernel::source;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Images of `digits.npy`, of 4 by 4 pixels.
const COUNT: u32 = 40;

/// Writes them all.
pub(super) fn write(folder: &Path) -> Outcome {
    for name in ["pictures", "nothing", "notes", "broken", "sizes", "mixed/class", "lacking"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::create_dir(folder.join("several"))?;
    let files = [idx_files()?, text_files(), npy_files(), pictures()?, settings(), ambiguous()?];
    for name in ["extra", "import", "bytes", "typo"] {
        fs::create_dir(folder.join(name))?;
    }
    for (name, bytes) in files.concat().into_iter().chain(shaders()) {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

type File = (&'static str, Vec<u8>);

/// Folders of shaders.
fn shaders() -> Vec<File> {
    let normal = |from: &str, to: &str| source("normal").replace(from, to).into_bytes();
    vec![
        ("extra/updat.wgsl", normal("", "")),
        ("import/normal.wgsl", normal("common/noise", "common/nois")),
        ("bytes/normal.wgsl", [normal("", ""), vec![0xff, 0xfe]].concat()),
        ("typo/normal.wgsl", normal("draw(flat", "draw(flet")),
    ]
}

fn pixels(count: u32) -> Vec<u8> {
    (0..count * 16).map(|pixel| (pixel * 37 % 256) as u8).collect()
}

fn idx(magic: u32, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let words = [&[magic], sizes].concat();
    let header = words.iter().flat_map(|word| word.to_be_bytes());
    header.chain(bytes.iter().copied()).collect()
}

fn idx_files() -> Outcome<Vec<File>> {
    let images = |count: u32| idx(0x803, &[count, 4, 4], &pixels(count));
    let labels = |count: u32| idx(0x801, &[count], &vec![1; count as usize]);
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(&images(COUNT))?;
    let zipped = zipped.finish()?;
    let mut damaged = zipped.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    Ok(vec![
        ("magic-images-idx3-ubyte", idx(0xd03, &[COUNT, 4, 4], &pixels(COUNT))),
        ("header-images-idx3-ubyte", images(1)[..10].to_vec()),
        ("cut-images-idx3-ubyte", images(COUNT)[..600].to_vec()),
        ("long-images-idx3-ubyte", [images(COUNT), vec![0]].concat()),
        ("huge-images-idx3-ubyte", idx(0x803, &[u32::MAX; 3], &[])),
        ("lying-images-idx3-ubyte", idx(0x803, &[1 << 20, 1 << 10, 1 << 10], &[0; 99])),
        ("none-images-idx3-ubyte", idx(0x803, &[0, 4, 4], &[])),
        ("few-images-idx3-ubyte", images(COUNT)),
        ("few-labels-idx1-ubyte", labels(COUNT - 1)),
        ("high-images-idx3-ubyte", images(2)),
        ("high-labels-idx1-ubyte", idx(0x801, &[2], &[61, 62])),
        ("zipped-images-idx3-ubyte.gz", zipped[..zipped.len() / 2].to_vec()),
        ("damaged-images-idx3-ubyte.gz", damaged),
        ("empty-images-idx3-ubyte", Vec::new()),
        ("lacking/train-images-idx3-ubyte", images(COUNT)),
        ("lacking/train-labels-idx1-ubyte", labels(COUNT)),
        ("several/plain-train-images-idx3-ubyte", images(COUNT)),
        ("several/wide-train-images-idx3-ubyte", images(COUNT)),
        ("several/wide-train-labels-idx1-ubyte", labels(COUNT)),
        ("several/wide-test-images-idx3-ubyte", idx(0x803, &[COUNT, 2, 8], &pixels(COUNT))),
        ("several/wide-test-labels-idx1-ubyte", labels(COUNT)),
    ])
}

fn text_files() -> Vec<File> {
    // A label, and 4 by 4 pixels.
    let whole = "7,0,10,20,30,40,50,60,70,80,90,100,110,120,130,140,150\n";
    let second = |line: &str| format!("{whole}{line}\n{whole}").into_bytes();
    let amat = "0 1 0 1\n";
    vec![
        ("empty.csv", Vec::new()),
        ("header.csv", b"label,pixel0,pixel1,pixel2,pixel3\n".to_vec()),
        ("binary.csv", [whole.as_bytes(), &[0xff, 0xfe, b'\n']].concat()),
        ("missing.csv", second("7,0,,20,30,40,50,60,70,80,90,100,110,120,130,140,150")),
        ("word.csv", second("7,0,dark,20,30,40,50,60,70,80,90,100,110,120,130,140,150")),
        ("wide.csv", second("7,0,10,20,30,40,50,60,70,80,90,100,110,120,130,140,150,160")),
        ("above.csv", second("7,0,10,20,30,40,50,60,70,80,90,100,110,120,130,140,256")),
        ("label.csv", second("300,0,10,20,30,40,50,60,70,80,90,100,110,120,130,140,150")),
        ("one.csv", whole.into()),
        ("few.csv", format!("{whole}{whole}").into()),
        ("word.amat", format!("{amat}0 1 dark 1\n").into()),
        ("wide.amat", format!("{amat}0 1 0\n").into()),
        // Matrices.
        ("latents.csv", b"0,1\n2,3\n".to_vec()),
        ("latents.txt", b"0,1,2\n".to_vec()),
        ("words.csv", b"0,1,2\n0,one,2\n".to_vec()),
        ("ragged.csv", b"0,1,2\n0,1\n".to_vec()),
        ("infinite.csv", b"0,1,2\n0,inf,2\n".to_vec()),
        ("text.txt", b"some text\n".to_vec()),
    ]
}

fn npy_files() -> Vec<File> {
    let images = pixels(COUNT);
    let reals = |last: f32| -> Vec<u8> {
        let mut all = vec![0.5; 40 * 16];
        all[39 * 16 + 3] = last;
        bytemuck::cast_slice(&all).to_vec()
    };
    let huge = "(4294967296, 4294967296, 16)";
    vec![
        ("digits.npy", npy("|u1", "(40, 16)", &images)),
        ("others.npy", npy("|u1", "(40, 16)", &images.iter().map(|x| 255 - x).collect::<Vec<_>>())),
        ("squares.npy", npy("|u1", "(40, 4, 4)", &images)),
        ("wide.npy", npy("|u1", "(10, 8, 8)", &images)),
        ("text.npy", b"some text".to_vec()),
        ("empty.npy", Vec::new()),
        ("header.npy", npy("|u1", "(40, 16)", &[])[..40].to_vec()),
        ("cut.npy", npy("|u1", "(40, 16)", &images[..600])),
        ("whole.npy", npy("<i8", "(4, 16)", &[0; 512])),
        ("object.npy", npy("|O", "(40, 16)", &[0; 99])),
        ("line.npy", npy("|u1", "(640,)", &images)),
        ("colour.npy", npy("|u1", "(40, 2, 2, 4)", &images)),
        ("none.npy", npy("|u1", "(0, 16)", &[])),
        ("huge.npy", npy("|u1", huge, &images)),
        ("nan.npy", npy("<f4", "(40, 16)", &reals(f32::NAN))),
        ("bright.npy", npy("<f4", "(40, 16)", &reals(1.5))),
        // A matrix of three axes.
        ("cube.npy", npy("<f4", "(40, 4, 4)", &reals(0.5))),
    ]
}

/// Files that can be read in several ways, or in none that is of use.
fn ambiguous() -> Outcome<Vec<File>> {
    // Columns first and last of which either may be labels, and 4 by 4 pixels between them and one.
    let line = |row: u32| {
        let between: Vec<_> = (0..15).map(|pixel| (row * pixel * 7 % 256).to_string()).collect();
        format!("{},{},{}\n", row % 3, between.join(","), row % 2)
    };
    let both: String = (0..12).map(line).collect();
    let names: Vec<_> = (1..16).map(|pixel| format!("pixel{pixel}")).collect();
    let twice = format!("label,{},target\n{both}", names.join(","));
    let mut arrays = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["first.npy", "second.npy"] {
        arrays.start_file(name, SimpleFileOptions::default())?;
        arrays.write_all(&npy("|u1", "(40, 16)", &pixels(COUNT)))?;
    }
    let cut = |format| -> Outcome<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        RgbaImage::from_pixel(40, 40, [9, 99, 199, 255].into()).write_to(&mut bytes, format)?;
        let bytes = bytes.into_inner();
        Ok(bytes[..bytes.len() / 2].to_vec())
    };
    let dim: Vec<u8> = pixels(COUNT).iter().map(|pixel| pixel / 16).collect();
    let case = |name| {
        let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/npz-and-others");
        fs::read(Path::new(cases).join(name))
    };
    Ok(vec![
        ("both.csv", both.into()),
        ("twice.csv", twice.into()),
        ("dim.npy", npy("|u1", "(40, 16)", &dim)),
        ("same.npy", npy("|u1", "(40, 16)", &pixels(1).repeat(40))),
        ("arrays.npz", arrays.finish()?.into_inner()),
        ("digits.parquet", case("digits.parquet")?),
        ("digits.h5", case("digits.h5")?),
        ("frey.mat", case("frey.mat")?),
        ("pictures.tar.gz", case("pictures.tar.gz")?),
        ("cut.webp", cut(ImageFormat::WebP)?),
        ("cut.gif", cut(ImageFormat::Gif)?),
        ("counted.csv", b"0,1\n0.5,0.25\n".to_vec()),
    ])
}

fn pictures() -> Outcome<Vec<File>> {
    let png = |width: u32| -> Outcome<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        GrayImage::from_fn(width, 4, |x, y| [(x * y) as u8].into())
            .write_to(&mut bytes, ImageFormat::Png)?;
        Ok(bytes.into_inner())
    };
    let (square, broad) = (png(4)?, png(5)?);
    let cut = square[..square.len() - 20].to_vec();
    Ok(vec![
        ("pictures/0.png", square.clone()),
        ("pictures/1.png", square.clone()),
        ("notes/notes.txt", b"not a picture".to_vec()),
        ("broken/0.png", square.clone()),
        ("broken/1.png", cut),
        ("sizes/0.png", square.clone()),
        ("sizes/1.png", broad),
        ("mixed/0.png", square.clone()),
        ("mixed/class/0.png", square),
        ("text.png", b"some text".to_vec()),
    ])
}

fn settings() -> Vec<File> {
    [
        ("bad.toml", "epochs = = 3\n"),
        ("unknown.toml", "colour = \"red\"\n"),
        ("misspelt.toml", "learning-rat = 0.001\n"),
        ("type.toml", "epochs = 3\nbatch = \"large\"\n"),
        ("negative.toml", "epochs = -3\n"),
        ("choice.toml", "binarize = \"maybe\"\n"),
        ("size.toml", "size = \"large\"\n"),
        ("device.toml", "device = 3\n"),
        ("kernels.toml", "[kernels]\n\"update\" = \"quickest\"\n"),
        ("layers.toml", "data = \"digits.npy\"\nbatch = 8\nhidden = []\n"),
        ("tests.toml", "data = \"digits.npy\"\ntest_data = \"digits.npy\"\ntest_fraction = 0.1\n"),
        ("epochs.toml", "epochs = 0\n"),
        ("backwards.toml", "[[changes]]\nstep = 20\nlearning_rate = 0.2\n[[changes]]\nstep = 10\nlearning_rate = 0.1\n"),
        ("change.toml", "[[changes]]\nstep = 20\nlearning_rate = 0\n"),
        ("text.json", "some text\n"),
        ("empty.json", "{}\n"),
        (
            "before.json",
            r#"{"adapter": "none", "batch": 64, "input": 784, "hidden": [200, 100], "step_ms": 1,
                "best_step_ms": 1, "pace_gflops": 1, "kernels": []}"#,
        ),
    ]
    .map(|(name, text)| (name, text.into()))
    .into()
}
