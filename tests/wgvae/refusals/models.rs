//! Files of models, and what models are asked.

use super::{Outcome, Part};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

pub(super) const PARTS: &[Part] = &[(
    "models",
    &[
        ("a file that is not there", "eval absent.safetensors"),
        ("an empty file", "eval empty.safetensors"),
        ("a header of 2⁶³ bytes", "eval header.safetensors"),
        ("a header that is no JSON", "eval text.safetensors"),
        ("a file that is cut off", "eval cut.safetensors"),
        ("another kind of file", "eval digits.npy"),
        ("other names", "eval names.safetensors"),
        ("a tensor that is missing", "eval lacking.safetensors"),
        ("numbers of another type", "eval type.safetensors"),
        ("a weight that is no number", "eval nan.safetensors"),
        ("layers that do not fit each other", "eval layers.safetensors"),
        ("weights of another shape than the metadata says", "eval shapes.safetensors"),
        ("sizes that are no numbers", "eval sizes.safetensors"),
        ("a layer of no units", "eval zero.safetensors"),
        ("an odd number of outputs", "eval odd.safetensors"),
        ("no word on its standard deviations", "eval logvar.safetensors"),
    ],
)];

/// Writes broken models, made of that in the folder `run`.
pub(super) fn write(folder: &Path) -> Outcome {
    let whole = fs::read(folder.join("run/model.safetensors"))?;
    let mut nan = whole.clone();
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let files = [
        ("empty", Vec::new()),
        ("header", [&[0, 0, 0, 0, 0, 0, 0, 0x80], &whole[8..]].concat()),
        ("text", [&9_u64.to_le_bytes()[..], b"some text"].concat()),
        ("cut", whole[..whole.len() - 20].to_vec()),
        ("nan", nan),
        ("names", without_metadata(&whole, |text| text.replace("encoder", "layers"))?),
        ("layers", without_metadata(&whole, |text| text.replace("[5,16]", "[16,5]"))?),
        ("lacking", changed(&whole, |text| text.replace("decoder.2.bias", "decoder.2.offset"))?),
        ("type", changed(&whole, |text| text.replace("F32", "I32"))?),
        ("shapes", changed(&whole, |text| text.replace("\"5,3\"", "\"5,4\""))?),
        ("sizes", changed(&whole, |text| text.replace("\"5,3\"", "\"many\""))?),
        ("zero", changed(&whole, |text| text.replace("\"5,3\"", "\"5,0\""))?),
        ("odd", odd()),
        ("logvar", without_metadata(&whole, |text| text + " ")?),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(format!("{name}.safetensors")), bytes)?;
    }
    Ok(())
}

/// A safetensors file with another header.
pub(super) fn changed(file: &[u8], change: impl FnOnce(String) -> String) -> Outcome<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>().ok_or("no length")?;
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let before = str::from_utf8(header)?.trim_end().to_owned();
    let header = change(before.clone());
    assert_ne!(header, before, "nothing was changed");
    Ok(safetensors(&header, data))
}

/// As PyTorch writes it, with another header.
fn without_metadata(file: &[u8], change: impl FnOnce(String) -> String) -> Outcome<Vec<u8>> {
    let stripped = changed(file, |header| {
        let mut header: Value = serde_json::from_str(&header).unwrap_or_default();
        if let Some(tensors) = header.as_object_mut() {
            tensors.remove("__metadata__");
        }
        header.to_string()
    })?;
    changed(&stripped, change)
}

/// An encoder with three outputs, where each latent unit has two.
fn odd() -> Vec<u8> {
    let header = json!({
        "encoder.0.weight": { "dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24] },
    });
    safetensors(&header.to_string(), &[0; 24])
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}
