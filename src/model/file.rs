//! `model.safetensors`: weights as PyTorch's `nn.Sequential(Linear, ReLU, Linear)` loads them, that
//! is `[out, in]`, the transpose of the graph's.

use super::{Architecture, Parameter, Weights};
use crate::graph::Shape;
use crate::{Action, Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::HashMap;
use std::path::Path;

/// Writes the weights; the metadata says `input`, `hidden_layer_sizes` and `version`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn save(path: &Path, weights: &Weights) -> Result<()> {
    let parameters = weights.architecture.parameters();
    let bytes: Vec<Vec<u8>> = parameters
        .iter()
        .zip(&weights.values)
        .map(|(parameter, values)| to_bytes(&transposed(values, parameter.shape)))
        .collect();
    let views = parameters.iter().zip(&bytes).map(|(parameter, bytes)| {
        let view = TensorView::new(Dtype::F32, torch_shape(parameter), bytes);
        view.map(|view| (parameter.name.as_str(), view))
    });
    let hidden = weights.architecture.hidden().iter().map(usize::to_string);
    let metadata = HashMap::from([
        ("input".to_owned(), weights.architecture.input().to_string()),
        ("hidden_layer_sizes".to_owned(), hidden.collect::<Vec<_>>().join(",")),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    let failed = |error: safetensors::SafeTensorError| Error::Io {
        path: path.to_owned(),
        action: Action::Write,
        source: std::io::Error::other(error),
    };
    let views: std::result::Result<Vec<_>, _> = views.collect();
    let file = serialize(views.map_err(failed)?, Some(metadata)).map_err(failed)?;
    crate::file::replace(path, &sorted_header(file))
}

/// Reads weights; the sizes come from the metadata, or, in a file that PyTorch wrote, from the shapes
/// of the encoder's weights.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is not a model.
pub fn load(path: &Path) -> Result<Weights> {
    let bytes = std::fs::read(path).map_err(Error::io(path, Action::Read))?;
    let wrong = |expected: &str, found: String| Error::File {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let (_, header) = SafeTensors::read_metadata(&bytes)
        .map_err(|error| wrong("a safetensors file", error.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| wrong("a safetensors file", error.to_string()))?;
    let metadata = header.metadata().as_ref();
    let entry = |key: &str| metadata.and_then(|metadata| metadata.get(key)).map(String::as_str);
    let architecture = match (entry("input"), entry("hidden_layer_sizes")) {
        (None, None) => from_shapes(&tensors).map_err(|found| {
            wrong("weights of linear layers encoder.0, encoder.2, … that fit each other", found)
        })?,
        (input, hidden) => input.zip(hidden).and_then(from_metadata).ok_or_else(|| {
            let expected = "metadata with the sizes input and hidden_layer_sizes, each at least 1";
            let [input, hidden] = [input, hidden].map(|text| text.unwrap_or("nothing"));
            wrong(expected, format!("{input} and {hidden}"))
        })?,
    };
    let values = architecture
        .parameters()
        .iter()
        .map(|parameter| {
            let expected = format!("{} F32{:?}", parameter.name, torch_shape(parameter));
            let view = tensors
                .tensor(&parameter.name)
                .map_err(|error| wrong(&expected, error.to_string()))?;
            if view.dtype() != Dtype::F32 || view.shape() != torch_shape(parameter) {
                return Err(wrong(&expected, format!("{:?}{:?}", view.dtype(), view.shape())));
            }
            let Shape { rows, columns } = parameter.shape;
            Ok(transposed(&from_bytes(view.data()), Shape::new(columns, rows)))
        })
        .collect::<Result<_>>()?;
    Ok(Weights { architecture, values })
}

/// The architecture of these sizes: the input's, and the layers' with commas between them. Sizes of
/// 32 bits, so that twice the last cannot overflow.
fn from_metadata((input, hidden): (&str, &str)) -> Option<Architecture> {
    let size = |text: &str| text.parse::<u32>().ok().map(|size| size as usize);
    let hidden: Vec<_> = hidden.split(',').map(size).collect::<Option<_>>()?;
    Architecture::new(size(input)?, &hidden).ok()
}

/// The architecture of an encoder of `nn.Sequential(Linear, ReLU, Linear, …)`, by the shapes
/// `[out, in]` of its weights; what there is instead if they are not such.
fn from_shapes(tensors: &SafeTensors) -> std::result::Result<Architecture, String> {
    let mut widths = Vec::new();
    for layer in (0..).step_by(2) {
        let name = format!("encoder.{layer}.weight");
        let Ok(view) = tensors.tensor(&name) else { break };
        match (view.shape(), widths.last()) {
            (&[out, into], None) => widths.extend([into, out]),
            (&[out, into], Some(&before)) if into == before => widths.push(out),
            (shape, _) => return Err(format!("{name} of shape {shape:?}")),
        }
    }
    match widths.as_slice() {
        [] => Err("no encoder.0.weight".to_owned()),
        [input, hidden @ .., last] if last.is_multiple_of(2) => {
            let hidden = [hidden, &[last / 2]].concat();
            Architecture::new(*input, &hidden).map_err(|error| error.to_string())
        }
        [.., last] => Err(format!(
            "{last} outputs of the encoder, where each latent unit has a mean and a stddev"
        )),
    }
}

/// The same file, its header sorted by key: `safetensors` writes metadata in random order, and
/// equal models should be equal files.
fn sorted_header(mut file: Vec<u8>) -> Vec<u8> {
    if let Some((length, rest)) = file.split_first_chunk_mut::<8>() {
        let header = &mut rest[..u64::from_le_bytes(*length) as usize];
        if let Ok(json) = serde_json::from_slice::<serde_json::Value>(header) {
            let sorted = json.to_string();
            header.fill(b' ');
            header[..sorted.len()].copy_from_slice(sorted.as_bytes());
        }
    }
    file
}

/// `[out, in]` for a weight, `[out]` for a bias.
fn torch_shape(parameter: &Parameter) -> Vec<usize> {
    let Shape { rows, columns } = parameter.shape;
    if parameter.name.ends_with("bias") { vec![columns] } else { vec![columns, rows] }
}

/// The transpose of a matrix of this shape.
fn transposed(values: &[f32], shape: Shape) -> Vec<f32> {
    let Shape { rows, columns } = shape;
    (0..shape.len()).map(|i| values[i % rows * columns + i / rows]).collect()
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|&word| f32::from_le_bytes(word)).collect()
}
