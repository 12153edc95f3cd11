//! Files that are not trusted: what the fuzz targets in `fuzz/` have met, and what they could not meet,
//! since it takes a large file, a link or an allocation that is counted.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a library there")]
mod readers;

use crate::formats::npy;
use allocation_counter::measure;
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};
use rayon::ThreadPoolBuilder;
use readers::READERS;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use wgvae::data::{Levels, load_images};
use wgvae::{Matrix, model};

type Outcome = Result<(), Box<dyn Error>>;

/// Each file of the corpora, which has those that made a reader fail once.
#[test]
fn what_fuzzing_met_is_read_or_refused() -> Outcome {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, reader) in READERS {
        let files = fs::read_dir(corpora.join(name))?.collect::<Result<Vec<_>, _>>()?;
        assert!(!files.is_empty(), "{name}");
        for file in files {
            let bytes = fs::read(file.path())?;
            let result = std::panic::catch_unwind(|| reader(&bytes));
            assert!(result.is_ok(), "{}", file.path().display());
        }
    }
    for state in ["plain", "outside", "escapes", "absolute", "no_events"] {
        let bytes = fs::read(corpora.join("run_folder").join(state))?;
        assert!(readers::goes_on(serde_json::from_slice(&bytes)?), "{state}");
    }
    Ok(())
}

/// What a terminal would obey is escaped, in a path and in what was expected as well.
#[test]
fn no_message_moves_the_cursor() {
    let error = wgvae::Error::file(Path::new("a\u{1b}[2Jb.png"), "c\u{7}", "d\u{8}".repeat(600));
    let message = error.to_string();
    assert!(message.starts_with("a\\u{1b}[2Jb.png: expected c\\u{7}, found d\\u{8}d"), "{message}");
    assert!(!message.chars().any(char::is_control) && message.contains(" … "), "{message}");
    let (wanted, found) = ("\u{1b}[2J".to_owned(), "llvmpipe".to_owned());
    let message = wgvae::Error::NoDevice { wanted, found }.to_string();
    assert_eq!(message, "no device matches \"\\u{1b}[2J\": found llvmpipe");
}

/// What a header says costs nothing before there are the bytes for it.
#[test]
fn no_header_has_a_reader_allocate() -> Outcome {
    let huge = "(4294967296, 1073741824)";
    let files: [(&str, Vec<u8>); 6] = [
        ("images-idx3-ubyte", [[0, 0, 8, 3], [0, 16, 0, 0], [0, 0, 4, 0], [0, 0, 4, 0]].concat()),
        ("images.npy", npy("|u1", huge, &[0; 100])),
        ("matrix.npy", npy("<f4", huge, &[0; 100])),
        ("black.png", png(20_000, 20_000)),
        // Below what the decoder refuses by itself, above what its bytes can be decoded to.
        ("grey.png", png(20_000, 500)),
        ("deep.safetensors", deep_model(1 << 20)),
    ];
    let folder = tempfile::tempdir()?;
    // The counter sees one thread's allocations.
    let pool = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?;
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::write(&path, &bytes)?;
        let mut is_refused = false;
        let allocated = pool.install(|| {
            measure(|| {
                is_refused = match name.rsplit_once('.') {
                    Some(("matrix", _)) => Matrix::read(&path).is_err(),
                    Some((_, "safetensors")) => model::load(&path).is_err(),
                    _ => load_images(&path.to_string_lossy(), None).is_err(),
                }
            })
        });
        assert!(is_refused, "{name}");
        let most = (4 << 20) + 64 * bytes.len() as u64;
        assert!(allocated.bytes_max < most, "{name}: {} bytes", allocated.bytes_max);
    }
    Ok(())
}

/// The beginning of a PNG file of grey pixels.
fn png(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    [PNG.to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &[0x78, 1])].concat()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &sum.sum().to_be_bytes()].concat()
}

/// What is blank is small in its file: a thousandth of a byte a pixel, which becomes three.
#[test]
fn a_blank_picture_is_read() -> Outcome {
    let side = 1024_u32;
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[1, 3, 0, 0, 0]].concat();
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    rows.write_all(&vec![0; 1024 * (1 + 1024 / 8)])?;
    let (palette, rows) = (chunk(b"PLTE", &[7, 7, 7]), chunk(b"IDAT", &rows.finish()?));
    let file = [PNG.to_vec(), chunk(b"IHDR", &header), palette, rows, chunk(b"IEND", b"")].concat();
    assert!(file.len() < 300, "{} bytes", file.len());
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("blank.png");
    fs::write(&path, file)?;
    let set = load_images(&path.to_string_lossy(), None)?;
    assert_eq!(*set.levels(), Levels::Bytes(vec![7; 1024 * 1024]));
    Ok(())
}

/// A TIFF file of 206 bytes, of which an entry claims millions of numbers, and a whole one of either order of
/// bytes, which is read.
#[test]
fn no_count_of_a_tiff_file_has_its_reader_allocate() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("picture.tif");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/picture");
    fs::copy(corpus.join("tiff_count_beyond_the_file"), &path)?;
    let mut refusal = String::new();
    let allocated = measure(|| {
        let read = load_images(&path.to_string_lossy(), None);
        refusal = read.map_or_else(|error| error.to_string(), |_| "nothing refused".to_owned());
    });
    assert!(refusal.contains("found values beyond its end"), "{refusal}");
    assert!(allocated.bytes_max < 1 << 20, "{} bytes", allocated.bytes_max);
    let number = |value: u32, is_little: bool| {
        if is_little { value.to_le_bytes() } else { value.to_be_bytes() }
    };
    let short = |value: u16, is_little: bool| {
        if is_little { value.to_le_bytes() } else { value.to_be_bytes() }
    };
    for is_little in [true, false] {
        // Two grey pixels at 200: width, height, bits, compression, black is 0, place, samples, rows, bytes.
        let entries = [
            (256, 2),
            (257, 1),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, 200),
            (277, 1),
            (278, 1),
            (279, 2),
        ];
        let entry = |&(tag, value): &(u16, u32)| {
            [
                &short(tag, is_little)[..],
                &short(4, is_little),
                &number(1, is_little),
                &number(value, is_little),
            ]
            .concat()
        };
        let mut file = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        file.extend(number(8, is_little));
        file.extend(short(9, is_little));
        file.extend(entries.iter().flat_map(entry));
        file.resize(200, 0);
        file.extend([7, 200]);
        fs::write(&path, file)?;
        let set = load_images(&path.to_string_lossy(), None)?;
        assert_eq!(*set.levels(), Levels::Bytes(vec![7, 200]), "{is_little}");
    }
    Ok(())
}

/// A model's file whose metadata has many layers, of which it has not one.
fn deep_model(layers: usize) -> Vec<u8> {
    let sizes = vec!["1"; layers].join(",");
    let header = format!(
        r#"{{"__metadata__":{{"input":"1","hidden_layer_sizes":"{sizes}"}},"a":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#
    );
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat()
}

/// A row without an end, which is a megabyte where it is compressed, does not fill the memory.
#[test]
fn no_row_of_a_compressed_file_has_a_reader_allocate() -> Outcome {
    let folder = tempfile::tempdir()?;
    for (name, part) in
        [("row.csv.gz", "1"), ("row.amat.gz", "1"), ("cells.csv.gz", ","), ("cells.amat.gz", "1 ")]
    {
        let path = folder.path().join(name);
        let mut bomb = GzEncoder::new(fs::File::create(&path)?, Compression::fast());
        let part = part.repeat(1 << 20);
        (0..128).try_for_each(|_| bomb.write_all(part.as_bytes()))?;
        bomb.finish()?;
        let mut refusal = None;
        let allocated = measure(|| refusal = load_images(&path.to_string_lossy(), None).err());
        let refusal = refusal.ok_or("read")?.to_string();
        assert!(refusal.ends_with(": a row of more than 8.00 MiB"), "{refusal}");
        assert!(allocated.bytes_max < 256 << 20, "{name}: {} bytes", allocated.bytes_max);
    }
    Ok(())
}
