//! Safetensors files of parameters: `model.safetensors`, and files with other numbers for each
//! weight. Weights are stored for PyTorch's `nn.Sequential(Linear, ReLU, Linear)`, that is `[out,
//! in]`, the transpose of the graph's.

use super::{
    Activation, Architecture, BERNOULLI, LIKELIHOODS, Likelihood, Parameter, Scale, Weights,
};
use crate::graph::Shape;
use crate::matrix::Element;
use crate::near::find;
use crate::{Action, Error, FileKind, Result};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView, serialize};
use std::collections::HashMap;
use std::path::Path;

/// Key of the function to standard deviations in the metadata.
const SCALE: &str = "scale";

/// Key of the function between layers in the metadata.
const ACTIVATION: &str = "activation";

/// Key of the distribution of a pixel in the metadata.
const LIKELIHOOD: &str = "likelihood";

/// Key of a standard deviation that all pixels have in the metadata.
const PIXEL_STDDEV: &str = "pixel_stddev";

/// Key of a decoder's layers that do not mirror the encoder's in the metadata.
const DECODER: &str = "decoder_layer_sizes";

/// Key of the names of the labels in the metadata: an array in JSON.
const LABELS: &str = "labels";

/// Writes the weights; the metadata has `input`, `hidden_layer_sizes`, `scale` and `version`, and
/// `labels` if the model has labels.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn save(path: &Path, weights: &Weights) -> Result<()> {
    crate::file::replace(path, &to_safetensors(path, weights)?)
}

/// Reads weights; the sizes come from the metadata or, in a file that PyTorch wrote, from the
/// shapes of the encoder's weights.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is not a model, [`Error::Data`]
/// if it has other layers, or does not name the function of its standard deviations.
pub fn load(path: &Path) -> Result<Weights> {
    load_as(path, None)
}

/// Like [`load`], for a file that may omit the function of its standard deviations.
///
/// # Errors
/// The errors of [`load`].
pub fn load_as(path: &Path, scale: Option<Scale>) -> Result<Weights> {
    let bytes = std::fs::read(path).map_err(Error::io(path, Action::Read))?;
    let file = Parameters::parse(path, &bytes)?;
    let architecture = file.architecture(scale)?;
    let values = file.values(&architecture, "")?;
    Ok(Weights { architecture, values })
}

/// Returns the bytes of the weights' file; `path` is its future place.
///
/// # Errors
/// [`Error::Io`] if the numbers cannot be encoded.
pub(crate) fn to_safetensors(path: &Path, weights: &Weights) -> Result<Vec<u8>> {
    // Other programs cannot know what a file without the entry has.
    let scale = weights.architecture.scale().to_string();
    let metadata = HashMap::from([(SCALE.to_owned(), scale)]);
    encode(path, &weights.architecture, &[("", &weights.values)], metadata)
}

/// Returns the bytes of a file with some numbers for each parameter, under the parameter's name
/// after a prefix; the metadata has the given entries, and `input`, `hidden_layer_sizes` and
/// `version`.
///
/// # Errors
/// [`Error::Io`] if the numbers cannot be encoded.
pub(crate) fn encode(
    path: &Path,
    architecture: &Architecture,
    groups: &[(&str, &[Vec<f32>])],
    mut metadata: HashMap<String, String>,
) -> Result<Vec<u8>> {
    let parameters = architecture.parameters();
    let tensors = groups.iter().flat_map(|(prefix, values)| {
        parameters.iter().zip(*values).map(move |(parameter, values)| {
            let bytes = to_bytes(&transposed(values, parameter.shape));
            (format!("{prefix}{}", parameter.name), torch_shape(parameter), bytes)
        })
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    metadata.extend([
        ("input".to_owned(), architecture.input().to_string()),
        ("hidden_layer_sizes".to_owned(), sizes(architecture.hidden())),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    // A file without an entry has the default, like those of earlier versions.
    let scale = Some(architecture.scale()).filter(|own| *own != Scale::default());
    metadata.extend(scale.map(|own| (SCALE.to_owned(), own.to_string())));
    let activation = Some(architecture.activation()).filter(|own| *own != Activation::default());
    metadata.extend(activation.map(|own| (ACTIVATION.to_owned(), own.to_string())));
    let likelihood = Some(architecture.likelihood()).filter(|own| **own != BERNOULLI);
    metadata.extend(likelihood.map(|own| (LIKELIHOOD.to_owned(), own.name.to_owned())));
    let stddev = architecture.pixel_stddev();
    metadata.extend(stddev.map(|own| (PIXEL_STDDEV.to_owned(), own.to_string())));
    let decoder = Some(architecture.decoder_hidden()).filter(|_| !architecture.is_mirrored());
    metadata.extend(decoder.map(|own| (DECODER.to_owned(), sizes(own))));
    if !architecture.labels().is_empty() {
        let failed = |error| Error::io(path, Action::Write)(std::io::Error::other(error));
        let names = serde_json::to_string(architecture.labels()).map_err(failed)?;
        metadata.insert(LABELS.to_owned(), names);
    }
    let failed = |error: safetensors::SafeTensorError| {
        Error::io(path, Action::Write)(std::io::Error::other(error))
    };
    let views: std::result::Result<Vec<_>, _> = views.collect();
    let file = serialize(views.map_err(failed)?, Some(metadata)).map_err(failed)?;
    Ok(sorted_header(file))
}

/// Returns layer sizes with commas between them.
fn sizes(layers: &[usize]) -> String {
    layers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// A parsed safetensors file.
pub(crate) struct Parameters<'a> {
    path: &'a Path,
    header: Metadata,
    tensors: SafeTensors<'a>,
    names: Names,
}

/// PyTorch's names of a file's layers: a wrapper's prefix (`module.`, `_orig_mod.`, Lightning's
/// `model.`), and the places of the linear layers in `nn.Sequential`, between which there may be
/// layers without weights.
#[derive(Default)]
struct Names {
    prefix: String,
    encoder: Vec<usize>,
    decoder: Vec<usize>,
}

impl Names {
    fn of(tensors: &SafeTensors) -> Self {
        let prefix = tensors.names().into_iter().find_map(|name| {
            let (prefix, rest) = name.rsplit_once("encoder.")?;
            rest.ends_with(".weight").then(|| prefix.to_owned())
        });
        let prefix = prefix.unwrap_or_default();
        let places = |stack: &str| {
            let place = |name: &str| {
                let rest = name.strip_prefix(&prefix)?.strip_prefix(stack)?.strip_prefix('.')?;
                let place = rest.strip_suffix(".weight")?.parse().ok()?;
                let is_linear = tensors.tensor(name).is_ok_and(|view| view.shape().len() == 2);
                is_linear.then_some(place)
            };
            let mut places: Vec<usize> = tensors.names().into_iter().filter_map(place).collect();
            places.sort_unstable();
            places
        };
        let [encoder, decoder] = ["encoder", "decoder"].map(places);
        Self { prefix, encoder, decoder }
    }

    /// Returns the file's name for a name like `encoder.2.weight`.
    fn actual(&self, name: &str) -> String {
        let place = |stack: &str, places: &[usize]| {
            let (place, kind) = name.strip_prefix(stack)?.strip_prefix('.')?.split_once('.')?;
            let actual = places.get(place.parse::<usize>().ok()? / 2)?;
            Some(format!("{}{stack}.{actual}.{kind}", self.prefix))
        };
        let found = place("encoder", &self.encoder).or_else(|| place("decoder", &self.decoder));
        found.unwrap_or_else(|| format!("{}{name}", self.prefix))
    }
}

impl<'a> Parameters<'a> {
    /// Parses the bytes of a safetensors file; `path` is their source.
    ///
    /// # Errors
    /// [`Error::File`] if they are not one.
    pub(crate) fn parse(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let wrong = |error: safetensors::SafeTensorError| {
            Error::file(path, "a safetensors file", error).of_kind(FileKind::Model)
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(wrong)?;
        // Files written by wgvae have its own names.
        let metadata = header.metadata().as_ref();
        let is_own = metadata.is_some_and(|entries| entries.contains_key("hidden_layer_sizes"));
        let names = if is_own { Names::default() } else { Names::of(&tensors) };
        Ok(Self { path, header, tensors, names })
    }

    /// Returns the [`Error::File`] for this fault.
    pub(crate) fn wrong(&self, expected: &str, found: String) -> Error {
        Error::file(self.path, expected, found)
    }

    /// Returns an entry of the metadata.
    pub(crate) fn entry(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// Returns the layers; `scale` is the function to standard deviations if the file does not name it.
    ///
    /// # Errors
    /// [`Error::File`] if their sizes are missing or invalid; [`Error::Data`] if the metadata does not
    /// name the function to standard deviations, or another one than those that exist. Files written
    /// by wgvae may omit it.
    pub(crate) fn architecture(&self, scale: Option<Scale>) -> Result<Architecture> {
        let layers = self.entry("hidden_layer_sizes").map_or(0, |text| text.split(',').count());
        if layers > self.tensors.len() {
            return Err(self.wrong(
                "weights and biases of each of hidden_layer_sizes",
                format!("{} tensors for {layers} layers", self.tensors.len()),
            ));
        }
        let activation = self
            .named(ACTIVATION, Activation::all(), |one| one.function().name)?
            .unwrap_or_default();
        let likelihood = self
            .named(LIKELIHOOD, LIKELIHOODS.iter().copied(), |one| one.name)?
            .unwrap_or(&BERNOULLI);
        let pixel_stddev = self.entry(PIXEL_STDDEV).map(|text| {
            let wrong = || self.wrong("metadata with a number as pixel_stddev", text.to_owned());
            text.parse().map_err(|_| wrong())
        });
        let pixel_stddev: Option<f64> = pixel_stddev.transpose()?;
        let labels = self.labels()?;
        let sizes = match (self.entry("input"), self.entry("hidden_layer_sizes")) {
            (None, None) => self.of_shapes(activation, likelihood, pixel_stddev, labels.len()),
            (input, hidden) => input.zip(hidden).and_then(from_metadata).ok_or_else(|| {
                let expected =
                    "metadata with the sizes input and hidden_layer_sizes, each at least 1";
                let [input, hidden] = [input, hidden].map(|text| text.unwrap_or("nothing"));
                self.wrong(expected, format!("{input} and {hidden}"))
            }),
        };
        let decoded = |sizes: Architecture| match self.entry(DECODER) {
            None => Ok(sizes),
            Some(text) => parse_sizes(text)
                .and_then(|decoder| sizes.with_decoder(&decoder).ok())
                .ok_or_else(|| {
                    let expected = format!("metadata with sizes from 1 on as {DECODER}");
                    self.wrong(&expected, text.to_owned())
                }),
        };
        let layers = sizes.and_then(decoded)?.with_scale(self.scale(scale)?);
        let layers = layers.with_activation(activation)?.with_likelihood(likelihood)?;
        let layers = layers.with_pixel_stddev(pixel_stddev)?;
        let expected = format!("metadata with names that differ as {LABELS}");
        layers.with_labels(labels).map_err(|error| self.wrong(&expected, error.to_string()))
    }

    /// Returns the names of the labels.
    fn labels(&self) -> Result<Vec<String>> {
        let Some(text) = self.entry(LABELS) else { return Ok(Vec::new()) };
        serde_json::from_str(text).map_err(|_| {
            let expected = format!("metadata with names such as [\"cat\",\"dog\"] as {LABELS}");
            self.wrong(&expected, text.to_owned())
        })
    }

    /// Returns the one of `all` that an entry of the metadata names, if there is an entry.
    fn named<T: Copy>(
        &self,
        key: &str,
        all: impl IntoIterator<Item = T>,
        name: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>> {
        let Some(text) = self.entry(key) else { return Ok(None) };
        find(all, name, text).map(Some).map_err(|names| {
            self.wrong(&format!("metadata with one of {names} as {key}"), text.to_owned())
        })
    }

    /// Returns the function to standard deviations.
    fn scale(&self, given: Option<Scale>) -> Result<Scale> {
        let found = self.entry(SCALE);
        let own = found.and_then(|name| name.parse().ok());
        let is_old = found.is_none() && self.entry("hidden_layer_sizes").is_some();
        let scale = own.or(given).or(is_old.then(Scale::default));
        scale.ok_or_else(|| Error::Data {
            path: self.path.to_owned(),
            expected: "metadata with scale = softplus or log-variance".to_owned(),
            found: found.unwrap_or("nothing").to_owned(),
            remedy: "scale = log-variance if the second half of the encoder's outputs is the \
                     logarithm of the variance, which is more usual; scale = softplus if softplus \
                     of it is the standard deviation; or save_file(…, metadata={\"scale\": \
                     \"log-variance\"})"
                .to_owned(),
        })
    }

    /// Returns the architecture of an encoder and a decoder of `nn.Sequential(Linear, ReLU, Linear, …)`,
    /// from the shapes `[out, in]` of their weights; the last `labels` inputs of both are those of labels.
    ///
    /// # Errors
    /// [`Error::Data`] if the file has other layers, [`Error::File`] if they do not fit each other.
    fn of_shapes(
        &self,
        activation: Activation,
        likelihood: &'static Likelihood,
        pixel_stddev: Option<f64>,
        labels: usize,
    ) -> Result<Architecture> {
        let names = self.tensors.names();
        let is_known = |name: &str| {
            let parts: Vec<&str> = name.split('.').rev().take(3).collect();
            let [kind, place, stack] = parts[..] else { return false };
            let places = match stack {
                "encoder" => &self.names.encoder,
                "decoder" => &self.names.decoder,
                _ => return false,
            };
            ["weight", "bias"].contains(&kind)
                && place.parse().is_ok_and(|place: usize| places.contains(&place))
        };
        let mut others: Vec<&str> = names.into_iter().filter(|name| !is_known(name)).collect();
        others.sort_unstable();
        let expected =
            "weights and biases of linear layers encoder.0, encoder.2, … that fit each other";
        if let Some(other) = others.first() {
            return Err(Error::Data {
                path: self.path.to_owned(),
                expected: expected.to_owned(),
                found: format!("{other}, which belongs to no such layer"),
                remedy: remedy(&others).to_owned(),
            });
        }
        let widths = |stack: &str, places: &[usize], last_parts: usize| {
            let mut widths: Vec<usize> = Vec::new();
            for (index, place) in places.iter().enumerate() {
                let name = format!("{}{stack}.{place}.weight", self.names.prefix);
                let shape = self.tensors.tensor(&name).map(|view| view.shape().to_vec());
                let shape = shape.unwrap_or_default();
                let is_last = index + 1 == places.len();
                let parts = if is_last { last_parts } else { activation.operands() };
                if is_last && stack == "encoder" && shape.first().is_some_and(|out| out % 2 == 1) {
                    let what = "where each latent unit has a mean and a stddev";
                    let found = format!("{} outputs of the encoder, {what}", shape[0]);
                    return Err(self.wrong(expected, found));
                }
                match shape[..] {
                    [out, into] if out.is_multiple_of(parts) => match widths.last() {
                        None => widths.extend([into, out / parts]),
                        Some(&before) if into == before => widths.push(out / parts),
                        Some(_) => {
                            return Err(self.wrong(expected, format!("{name} of shape {shape:?}")));
                        }
                    },
                    _ => return Err(self.wrong(expected, format!("{name} of shape {shape:?}"))),
                }
            }
            match widths.len() {
                0 => Err(self.wrong(expected, format!("no {stack}.0.weight"))),
                _ => Ok(widths),
            }
        };
        let of_pixel = likelihood.parameters().saturating_sub(pixel_stddev.iter().len()).max(1);
        let mut encoder = widths("encoder", &self.names.encoder, 2)?;
        let mut decoder = widths("decoder", &self.names.decoder, of_pixel)?;
        for inputs in [&mut encoder[0], &mut decoder[0]] {
            *inputs = inputs.checked_sub(labels).ok_or_else(|| {
                self.wrong(expected, format!("{inputs} inputs for {labels} labels and others"))
            })?;
        }
        let (latent, pixels) = (encoder[encoder.len() - 1], decoder[decoder.len() - 1]);
        if (decoder[0], pixels) != (latent, encoder[0]) {
            let found = format!(
                "a decoder of {} latent units and {pixels} pixels for an encoder of {latent} and {}",
                decoder[0], encoder[0],
            );
            return Err(self.wrong(expected, found));
        }
        let inner = &decoder[1..decoder.len() - 1];
        Architecture::new(encoder[0], &encoder[1..])
            .and_then(|encoder| encoder.with_decoder(inner))
            .map_err(|error| self.wrong(expected, error.to_string()))
    }

    /// Returns the numbers of each parameter under its name after a prefix, in the graph's layout.
    ///
    /// # Errors
    /// [`Error::File`] if some are missing, or have another shape or type.
    pub(crate) fn values(
        &self,
        architecture: &Architecture,
        prefix: &str,
    ) -> Result<Vec<Vec<f32>>> {
        let read = |parameter: Parameter| {
            let wanted = torch_shape(&parameter);
            let name = match prefix {
                "" => self.names.actual(&parameter.name),
                prefix => format!("{prefix}{}", parameter.name),
            };
            let expected = format!("{name} F32{wanted:?}");
            let view = self.tensors.tensor(&name);
            let view = view.map_err(|_| self.wrong(&expected, "no such tensor".to_owned()))?;
            let found = format!("{:?}{:?}", view.dtype(), view.shape());
            if view.shape() != wanted {
                return Err(self.wrong(&expected, found));
            }
            let values = numbers(&view).ok_or_else(|| self.wrong(&expected, found))?;
            let Shape { rows, columns } = parameter.shape;
            Ok(transposed(&values, Shape::new(columns, rows)))
        };
        architecture.parameters().into_iter().map(read).collect()
    }
}

/// Parses an architecture from its sizes: the input's, and the layers' separated by commas. Sizes
/// have 32 bits, so that twice the last cannot overflow.
fn from_metadata((input, hidden): (&str, &str)) -> Option<Architecture> {
    let [input] = parse_sizes(input)?[..] else { return None };
    Architecture::new(input, &parse_sizes(hidden)?).ok()
}

/// Parses layer sizes with commas between them; no text has none.
fn parse_sizes(text: &str) -> Option<Vec<usize>> {
    let size = |text: &str| text.parse::<u32>().ok().map(|size| size as usize);
    match text {
        "" => Some(Vec::new()),
        _ => text.split(',').map(size).collect(),
    }
}

/// Returns the same file with its header sorted by key: `safetensors` writes metadata in random
/// order, and equal models should give equal files.
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

/// Returns `[out, in]` for a weight, `[out]` for a bias.
fn torch_shape(parameter: &Parameter) -> Vec<usize> {
    let Shape { rows, columns } = parameter.shape;
    if parameter.name.ends_with("bias") { vec![columns] } else { vec![columns, rows] }
}

/// Returns the transpose of a matrix with this shape.
fn transposed(values: &[f32], shape: Shape) -> Vec<f32> {
    let Shape { rows, columns } = shape;
    (0..shape.len()).map(|i| values[i % rows * columns + i / rows]).collect()
}

/// Returns the bytes of the values, little-endian.
pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Returns the remedy for a model that also has tensors with these names.
fn remedy(names: &[&str]) -> &'static str {
    if names.iter().any(|name| name.ends_with("running_mean")) {
        return "fold batch normalisation into the linear layer before it (torch.nn.utils.fusion.fuse_linear_bn_eval)";
    }
    if names.contains(&"fc21.weight") {
        return "rename fc1 to encoder.0, fc3 to decoder.0 and fc4 to decoder.2, and concatenate \
                fc21 and fc22 as encoder.2: {\"encoder.2.weight\": torch.cat([s[\"fc21.weight\"], \
                s[\"fc22.weight\"]]), …}";
    }
    "rename the linear layers to encoder.0, encoder.2, … and decoder.0, decoder.2, …; other layers \
     are not supported"
}

/// Returns the numbers of a tensor of floats.
fn numbers(view: &TensorView) -> Option<Vec<f32>> {
    let name = match view.dtype() {
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::BF16 => {
            let halves = view.data().as_chunks().0.iter();
            return Some(halves.map(|&bytes| half::bf16::from_le_bytes(bytes).into()).collect());
        }
        _ => return None,
    };
    Element::numpy(name)?.reals(view.data())
}
