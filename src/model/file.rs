//! Safetensors files of parameters: `model.safetensors`, and files with other numbers for each
//! weight. Weights are stored for PyTorch's `nn.Sequential(Linear, ReLU, Linear)`, that is `[out,
//! in]`, the transpose of the graph's.

use super::{Activation, Architecture, BERNOULLI, LIKELIHOODS, Likelihood, Parameter, Weights};
use crate::graph::Shape;
use crate::matrix::Element;
use crate::{Action, Error, FileKind, Result};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView, serialize};
use std::collections::HashMap;
use std::path::Path;

/// The function from the second half of the encoder's outputs to standard deviations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// log(1 + eˣ).
    Softplus,
}

/// Key and value of the scale in the metadata.
const SCALE: [&str; 2] = ["scale", "softplus"];

/// Key of the function between layers in the metadata.
const ACTIVATION: &str = "activation";

/// Key of the distribution of a pixel in the metadata.
const LIKELIHOOD: &str = "likelihood";

/// Writes the weights; the metadata has `input`, `hidden_layer_sizes`, `scale` and `version`.
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
    let architecture = file.architecture()?;
    let values = file.values(&architecture, "")?;
    if scale.is_none() {
        file.check_scale()?;
    }
    Ok(Weights { architecture, values })
}

/// Returns the bytes of the weights' file; `path` is its future place.
///
/// # Errors
/// [`Error::Io`] if the numbers cannot be encoded.
pub(crate) fn to_safetensors(path: &Path, weights: &Weights) -> Result<Vec<u8>> {
    let metadata = HashMap::from([SCALE.map(String::from).into()]);
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
    let hidden = architecture.hidden().iter().map(usize::to_string);
    metadata.extend([
        ("input".to_owned(), architecture.input().to_string()),
        ("hidden_layer_sizes".to_owned(), hidden.collect::<Vec<_>>().join(",")),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    // A file without the entry has ReLU, like those of earlier versions.
    let activation = Some(architecture.activation()).filter(|own| *own != Activation::default());
    metadata.extend(activation.map(|own| (ACTIVATION.to_owned(), own.to_string())));
    let likelihood = Some(architecture.likelihood()).filter(|own| **own != BERNOULLI);
    metadata.extend(likelihood.map(|own| (LIKELIHOOD.to_owned(), own.name.to_owned())));
    let failed = |error: safetensors::SafeTensorError| {
        Error::io(path, Action::Write)(std::io::Error::other(error))
    };
    let views: std::result::Result<Vec<_>, _> = views.collect();
    let file = serialize(views.map_err(failed)?, Some(metadata)).map_err(failed)?;
    Ok(sorted_header(file))
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

    /// Returns the layers' sizes.
    ///
    /// # Errors
    /// [`Error::File`] if they are missing or invalid.
    pub(crate) fn architecture(&self) -> Result<Architecture> {
        let layers = self.entry("hidden_layer_sizes").map_or(0, |text| text.split(',').count());
        if layers > self.tensors.len() {
            return Err(self.wrong(
                "weights and biases of each of hidden_layer_sizes",
                format!("{} tensors for {layers} layers", self.tensors.len()),
            ));
        }
        let activation = match self.entry(ACTIVATION) {
            Some(name) => name.parse().map_err(|_: String| {
                let names = Activation::all().map(|one| one.to_string()).collect::<Vec<_>>();
                let expected = format!("metadata with one of {} as {ACTIVATION}", names.join(", "));
                self.wrong(&expected, name.to_owned())
            })?,
            None => Activation::default(),
        };
        let likelihood = match self.entry(LIKELIHOOD) {
            Some(name) => Likelihood::named(name).map_err(|_| {
                let names = LIKELIHOODS.iter().map(|one| one.name).collect::<Vec<_>>();
                let expected = format!("metadata with one of {} as {LIKELIHOOD}", names.join(", "));
                self.wrong(&expected, name.to_owned())
            })?,
            None => &BERNOULLI,
        };
        let sizes = match (self.entry("input"), self.entry("hidden_layer_sizes")) {
            (None, None) => self.of_shapes(),
            (input, hidden) => input.zip(hidden).and_then(from_metadata).ok_or_else(|| {
                let expected =
                    "metadata with the sizes input and hidden_layer_sizes, each at least 1";
                let [input, hidden] = [input, hidden].map(|text| text.unwrap_or("nothing"));
                self.wrong(expected, format!("{input} and {hidden}"))
            }),
        };
        sizes?.with_activation(activation).with_likelihood(likelihood)
    }

    /// Checks that the file's standard deviations use the same function as here.
    ///
    /// # Errors
    /// [`Error::Data`] if they use another one, or the metadata does not name it. Files written by
    /// wgvae may omit it.
    fn check_scale(&self) -> Result<()> {
        let [key, softplus] = SCALE;
        let found = match self.entry(key) {
            Some(made) if made == softplus => return Ok(()),
            Some(made) => made.to_owned(),
            None if self.entry("hidden_layer_sizes").is_some() => return Ok(()),
            None => "nothing".to_owned(),
        };
        Err(Error::Data {
            path: self.path.to_owned(),
            expected: "metadata with scale = softplus".to_owned(),
            found,
            remedy: "scale = softplus, or save_file(…, metadata={\"scale\": \"softplus\"}), if \
                     softplus of the second half of the encoder's outputs is the standard \
                     deviation; log-variances, which are more usual, are not supported"
                .to_owned(),
        })
    }

    /// Returns the architecture of an encoder of `nn.Sequential(Linear, ReLU, Linear, …)`, from the
    /// shapes `[out, in]` of its weights.
    ///
    /// # Errors
    /// [`Error::Data`] if the file has other layers, [`Error::File`] if they do not fit each other.
    fn of_shapes(&self) -> Result<Architecture> {
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
        let mut widths = Vec::new();
        for place in &self.names.encoder {
            let name = format!("{}encoder.{place}.weight", self.names.prefix);
            let Ok(view) = self.tensors.tensor(&name) else { break };
            match (view.shape(), widths.last()) {
                (&[out, into], None) => widths.extend([into, out]),
                (&[out, into], Some(&before)) if into == before => widths.push(out),
                (shape, _) => {
                    return Err(self.wrong(expected, format!("{name} of shape {shape:?}")));
                }
            }
        }
        match widths.as_slice() {
            [] => Err(self.wrong(expected, "no encoder.0.weight".to_owned())),
            [input, hidden @ .., last] if last.is_multiple_of(2) => {
                Architecture::new(*input, &[hidden, &[last / 2]].concat())
                    .map_err(|error| self.wrong(expected, error.to_string()))
            }
            [.., last] => Err(self.wrong(
                expected,
                format!(
                    "{last} outputs of the encoder, where each latent unit has a mean and a stddev"
                ),
            )),
        }
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
    let size = |text: &str| text.parse::<u32>().ok().map(|size| size as usize);
    let hidden: Vec<_> = hidden.split(',').map(size).collect::<Option<_>>()?;
    Architecture::new(size(input)?, &hidden).ok()
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
