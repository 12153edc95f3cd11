//! `model.safetensors`: every bit comes back, other programs find what they expect, and everything
//! that is not a model is refused in words that name the file.

use std::collections::HashMap;
use std::fs;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use wgvae::model::{Architecture, Scale, Weights, initial_weights, load, load_as, save};
use wgvae::{Action, Error};

use super::{Outcome, bits, tutorial};

/// A tensor of a file: name, type, shape, bytes.
type Entry = (String, Dtype, Vec<usize>, Vec<u8>);

/// A model of three pixels, two hidden units and one latent.
fn small() -> wgvae::Result<Weights> {
    Ok(initial_weights(&Architecture::new(3, &[2, 1])?, 5))
}

/// The entries of the small model's file.
fn entries() -> Result<Vec<Entry>, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    save(&path, &small()?)?;
    let bytes = fs::read(path)?;
    let entry = |(name, view): (String, TensorView)| {
        (name, view.dtype(), view.shape().to_vec(), view.data().to_vec())
    };
    Ok(SafeTensors::deserialize(&bytes)?.tensors().into_iter().map(entry).collect())
}

/// A file of these entries.
fn file(
    entries: &[Entry],
    metadata: &[(&str, &str)],
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let views = entries.iter().map(|(name, dtype, shape, bytes)| {
        Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?))
    });
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let metadata: HashMap<_, _> =
        metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Ok(serialize(views, (!metadata.is_empty()).then_some(metadata))?)
}

/// A file of these bytes has to be refused in these words.
#[track_caller]
fn assert_refused(bytes: &[u8], words: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    fs::write(&path, bytes)?;
    match load(&path) {
        Ok(_) => panic!("nothing was refused, expected {words}"),
        Err(error) => assert_eq!(error.to_string(), format!("{}: {words}", path.display())),
    }
    Ok(())
}

const SIZES: [(&str, &str); 2] = [("input", "3"), ("hidden_layer_sizes", "2,1")];

#[test]
fn every_bit_comes_back() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    let mut weights = initial_weights(&tutorial()?, 0);
    let odd = [f32::NAN, -0.0, f32::INFINITY, f32::MIN_POSITIVE / 2.0, f32::from_bits(0xffc0_1234)];
    weights.values[2][201..206].copy_from_slice(&odd);
    save(&path, &weights)?;
    let loaded = load(&path)?;
    assert_eq!(loaded.architecture, weights.architecture);
    assert!(bits(&loaded) == bits(&weights));
    // Equal models are equal files.
    let first = fs::read(&path)?;
    save(&path, &weights)?;
    assert!(fs::read(&path)? == first);
    // A second model takes the first one's place, and nothing else is left behind.
    save(&path, &small()?)?;
    assert_eq!(load(&path)?, small()?);
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}

#[test]
fn other_programs_find_what_they_expect() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    let weights = initial_weights(&tutorial()?, 0);
    save(&path, &weights)?;
    let bytes = fs::read(&path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let metadata = header.metadata().clone().ok_or("no metadata")?;
    let expected = [
        ("hidden_layer_sizes", "200,100"),
        ("input", "784"),
        ("scale", "softplus"),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(metadata, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());

    let tensors = SafeTensors::deserialize(&bytes)?;
    // As torch.nn.Linear has them: [out, in].
    let expected: [(&str, &[usize]); 8] = [
        ("encoder.0.weight", &[200, 784]),
        ("encoder.0.bias", &[200]),
        ("encoder.2.weight", &[200, 200]),
        ("encoder.2.bias", &[200]),
        ("decoder.0.weight", &[200, 100]),
        ("decoder.0.bias", &[200]),
        ("decoder.2.weight", &[784, 200]),
        ("decoder.2.bias", &[784]),
    ];
    assert_eq!(tensors.len(), expected.len());
    for (name, shape) in expected {
        let view = tensors.tensor(name)?;
        assert_eq!((view.dtype(), view.shape()), (Dtype::F32, shape), "{name}");
    }
    // From input 3 to unit 7 of the first layer, and from input 5 to unit 2 of the second.
    for (name, at, expected) in [
        ("encoder.0.weight", 7 * 784 + 3, weights.values[0][3 * 200 + 7]),
        ("encoder.2.weight", 2 * 200 + 5, weights.values[2][5 * 200 + 2]),
    ] {
        assert_eq!(tensors.tensor(name)?.data()[4 * at..][..4], expected.to_le_bytes(), "{name}");
    }
    Ok(())
}

#[test]
fn the_small_file_made_here_is_a_model() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    fs::write(&path, file(&entries()?, &SIZES)?)?;
    assert_eq!(load(&path)?, small()?);
    Ok(())
}

#[test]
fn sizes_come_from_the_shapes_where_metadata_does_not_have_them() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    // As `safetensors.torch.save_file` leaves it.
    for metadata in [&[("format", "pt")][..], &[]] {
        fs::write(&path, file(&entries()?, metadata)?)?;
        assert_eq!(load_as(&path, Some(Scale::Softplus))?, small()?);
    }
    let changed = |name: &str, change: &dyn Fn(&mut Entry)| {
        let mut entries = entries()?;
        entries.iter_mut().filter(|entry| entry.0 == name).for_each(change);
        file(&entries, &[])
    };
    let rule = "expected weights and biases of linear layers encoder.0, encoder.2, … that fit each other, found";
    let none = changed("encoder.0.weight", &|e| e.0 = "encoder.weight".to_owned())?;
    assert_refused(&none, &format!("{rule} encoder.0.bias, which belongs to no such layer"))?;
    let unfit = changed("encoder.2.weight", &|e| (e.2, e.3) = (vec![2, 3], vec![0; 24]))?;
    assert_refused(&unfit, &format!("{rule} encoder.2.weight of shape [2, 3]"))?;
    let flat = changed("encoder.0.weight", &|e| e.2 = vec![6])?;
    assert_refused(&flat, &format!("{rule} encoder.0.bias, which belongs to no such layer"))?;
    let odd = changed("encoder.2.weight", &|e| (e.2, e.3) = (vec![3, 2], vec![0; 24]))?;
    let words = "3 outputs of the encoder, where each latent unit has a mean and a stddev";
    assert_refused(&odd, &format!("{rule} {words}"))?;
    let decoder = changed("decoder.0.weight", &|e| (e.2, e.3) = (vec![2, 2], vec![0; 16]))?;
    let words = "a decoder of 2 latent units and 3 pixels for an encoder of 1 and 3";
    assert_refused(&decoder, &format!("{rule} {words}"))
}

#[test]
fn files_that_are_cut_off_are_refused() -> Outcome {
    let whole = file(&entries()?, &SIZES)?;
    let expected = "expected a safetensors file, found";
    assert_refused(&[], &format!("{expected} header too small"))?;
    assert_refused(&whole[..7], &format!("{expected} header too small"))?;
    assert_refused(&whole[..100], &format!("{expected} invalid header length"))?;
    for kept in [whole.len() - 1, whole.len() - 4, whole.len() - 40] {
        let words = format!("{expected} incomplete metadata, file not fully covered");
        assert_refused(&whole[..kept], &words)?;
    }
    let words = format!("{expected} incomplete metadata, file not fully covered");
    assert_refused(&[&whole[..], &[0; 4]].concat(), &words)
}

#[test]
fn wrong_tensors_are_refused() -> Outcome {
    let whole = entries()?;
    let changed = |name: &str, change: &dyn Fn(&mut Entry)| {
        let mut entries = whole.clone();
        entries.iter_mut().filter(|entry| entry.0 == name).for_each(change);
        file(&entries, &SIZES)
    };
    let (weight, bias) = ("encoder.0.weight", "decoder.2.bias");
    let (a_weight, a_bias) =
        (format!("expected {weight} F32[2, 3], found"), format!("expected {bias} F32[3], found"));
    assert_refused(&changed(weight, &|e| e.1 = Dtype::I32)?, &format!("{a_weight} I32[2, 3]"))?;
    let halves = changed(bias, &|e| (e.1, e.3) = (Dtype::I16, vec![0; 6]))?;
    assert_refused(&halves, &format!("{a_bias} I16[3]"))?;
    assert_refused(&changed(weight, &|e| e.2 = vec![3, 2])?, &format!("{a_weight} F32[3, 2]"))?;
    assert_refused(&changed(weight, &|e| e.2 = vec![6])?, &format!("{a_weight} F32[6]"))?;
    assert_refused(&changed(bias, &|e| e.2 = vec![1, 3])?, &format!("{a_bias} F32[1, 3]"))?;
    let longer = changed(bias, &|e| (e.2, e.3) = (vec![4], vec![0; 16]))?;
    assert_refused(&longer, &format!("{a_bias} F32[4]"))?;
    let renamed = changed(weight, &|e| e.0 = "encoder.weight".to_owned())?;
    assert_refused(&renamed, &format!("{a_weight} no such tensor"))
}

#[test]
fn missing_or_senseless_sizes_are_refused() -> Outcome {
    let entries = entries()?;
    let rule =
        "expected metadata with the sizes input and hidden_layer_sizes, each at least 1, found";
    assert_refused(&file(&entries, &SIZES[..1])?, &format!("{rule} 3 and nothing"))?;
    assert_refused(&file(&entries, &SIZES[1..])?, &format!("{rule} nothing and 2,1"))?;
    // The last but one is above 32 bits; of the last, twice is above 64.
    for sizes in [
        ["0", "2,1"],
        ["-3", "2,1"],
        ["three", "2,1"],
        ["3", ""],
        ["3", "2,"],
        ["3", "2;1"],
        ["3", "2,0"],
        ["4294967297", "2,1"],
        ["3", "2,9223372036854775809"],
    ] {
        let metadata = [("input", sizes[0]), ("hidden_layer_sizes", sizes[1])];
        let words = format!("{rule} {} and {}", sizes[0], sizes[1]);
        assert_refused(&file(&entries, &metadata)?, &words)?;
    }
    // Sizes that make sense, but are those of another model.
    let metadata = [("input", "3"), ("hidden_layer_sizes", "2,100000000")];
    let words = "expected encoder.2.weight F32[200000000, 2], found F32[2, 2]";
    assert_refused(&file(&entries, &metadata)?, words)
}

#[test]
fn a_file_that_cannot_be_opened_is_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("no folder");
    std::fs::write(&file, "")?;
    let path = file.join("model.safetensors");
    assert!(
        matches!(load(&path), Err(Error::Io { path: named, action: Action::Read, .. }) if named == path)
    );
    let saved = save(&path, &small()?);
    assert!(
        matches!(saved, Err(Error::Io { path: named, action: Action::Write, .. }) if named == path)
    );
    Ok(())
}
