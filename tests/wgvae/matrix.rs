//! Matrices in files: what is written is what other programs expect and comes back bit for bit, and
//! what is no matrix is refused with the file and the place.

use std::error::Error;
use std::fs;
use wgvae::Matrix;

type Outcome = Result<(), Box<dyn Error>>;

fn odd() -> wgvae::Result<Matrix> {
    let values = [0.1, -0.0, 1e-45, f32::MAX, -1.5e-30, 1.0 / 3.0];
    Matrix::new(3, 2, values.to_vec())
}

#[test]
fn every_bit_comes_back() -> Outcome {
    let folder = tempfile::tempdir()?;
    for name in ["numbers.npy", "numbers.csv", "numbers.NPY"] {
        let path = folder.path().join(name);
        odd()?.write(&path)?;
        let bits = |matrix: &Matrix| -> Vec<u32> {
            matrix.values().iter().map(|value| value.to_bits()).collect()
        };
        let read = Matrix::read(&path)?;
        assert_eq!((read.rows(), read.columns()), (3, 2));
        assert_eq!(bits(&read), bits(&odd()?), "{name}");
    }
    Ok(())
}

#[test]
fn files_are_as_numpy_writes_them() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("numbers.npy");
    odd()?.write(&path)?;
    let bytes = fs::read(&path)?;
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let header = String::from_utf8_lossy(&bytes[10..bytes.len() - 24]).into_owned();
    assert!(
        header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"),
        "{header}"
    );
    assert_eq!((10 + header.len()) % 64, 0);
    assert_eq!(bytes[bytes.len() - 24..][..4], 0.1_f32.to_le_bytes());
    let path = folder.path().join("numbers.csv");
    Matrix::new(2, 2, vec![0.5, -1.0, 2.0, 0.1])?.write(&path)?;
    assert_eq!(fs::read_to_string(&path)?, "0.5,-1.0\n2,0.1\n");
    // What looks like a header is none.
    for numbers in [[0.0, 1.0, 2.0, 0.5, 0.25, 0.75], [0.5, 1.0, 2.0, 1.0, 2.0, 3.0]] {
        for columns in [1, 2, 3] {
            let matrix = Matrix::new(6 / columns, columns, numbers.into())?;
            matrix.write(&path)?;
            assert_eq!(Matrix::read(&path)?, matrix);
        }
    }
    Ok(())
}

/// A .npy file with this header and these bytes.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
}

#[test]
fn doubles_are_rounded() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("numbers.npy");
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)}\n";
    fs::write(&path, npy(header, &[0.1_f64.to_le_bytes(), 2.0_f64.to_le_bytes()].concat()))?;
    assert_eq!(Matrix::read(&path)?, Matrix::new(1, 2, vec![0.1, 2.0])?);
    Ok(())
}

#[test]
fn columns_may_come_first() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("numbers.npy");
    let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}\n";
    fs::write(
        &path,
        npy(header, &[1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.0].map(f32::to_le_bytes).concat()),
    )?;
    assert_eq!(Matrix::read(&path)?, Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
    // [2, 2, 2]: image by image, row by row.
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2)}\n";
    fs::write(&path, npy(header, &[1, 5, 3, 7, 2, 6, 4, 8]))?;
    let set = wgvae::data::load_images(&path.display().to_string(), None)?;
    assert_eq!(*set.levels(), wgvae::data::Levels::Bytes((1..=8).collect()));
    Ok(())
}

#[test]
fn what_is_no_matrix_is_refused_with_its_place() -> Outcome {
    let folder = tempfile::tempdir()?;
    let header = |kind: &str, shape: &str| {
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n")
    };
    let f4 = |shape: &str, count: usize| npy(&header("<f4", shape), &vec![0; 4 * count]);
    let nan = [1.0, 2.0, 3.0, f32::NAN].map(f32::to_le_bytes).concat();
    for (name, bytes, words) in [
        ("a.csv", b"1,2\n3\n".to_vec(), "expected 2 cells in row 2, as in the first, found 1"),
        ("a.csv", b"1,2\n3,\n".to_vec(), "expected a number in row 2, column 2, found nothing"),
        ("a.csv", b"1,x\n".to_vec(), "expected a number in row 1, column 2, found x"),
        (
            "a.csv",
            b"1,2\ninf,1\n".to_vec(),
            "expected a finite number in row 2, column 1, found inf",
        ),
        ("a.npy", npy(&header("<f4", "(2, 2)"), &nan), "a finite number in row 2, column 2"),
        ("a.npy", b"nothing".to_vec(), "expected a .npy file, found"),
        ("a.npy", f4("(4,)", 4), "expected an array of [rows, columns], found [4]"),
        ("a.npy", f4("(1, 2, 2)", 4), "expected an array of [rows, columns], found [1, 2, 2]"),
        (
            "a.npy",
            npy(&header("|O", "(2, 2)"), &[0; 16]),
            "expected elements of a plain type, found |O",
        ),
        ("a.npy", npy(&header("<c8", "(2, 2)"), &[0; 32]), "found <c8"),
        ("a.npy", f4("(2, 2)", 3), "found 12 bytes for [2, 2] of <f4"),
        // More than there are bytes, and more than there are numbers.
        ("a.npy", f4("(1000000000, 1000000000)", 4), "as many numbers as the header says"),
        ("a.npy", f4("(10000000000, 10000000000)", 4), "as many numbers as the header says"),
        ("a.txt", Vec::new(), "expected a name that ends with .npy or .csv"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes)?;
        let refusal = Matrix::read(&path).err().ok_or(words)?.to_string();
        assert!(refusal.starts_with(&path.display().to_string()), "{refusal}");
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
    let path = folder.path().join("none.npy");
    assert!(Matrix::read(&path).is_err_and(|error| error.to_string().contains("cannot read")));
    assert!(odd()?.write(&folder.path().join("a.txt")).is_err());
    assert!(!folder.path().join("none.npy").exists());
    Ok(())
}
