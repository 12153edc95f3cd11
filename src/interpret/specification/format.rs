//! The fields of a specification.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The inputs of a kernel, and what its outputs are compared with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Specification {
    /// Entry point; may be left out if there is one only.
    pub entry: Option<String>,
    /// Workgroups along x, y and z.
    pub grid: [u32; 3],
    /// Bound of the results' errors.
    #[serde(default)]
    pub tolerance: Tolerance,
    /// Values of `override` constants.
    #[serde(default)]
    pub overrides: Overrides,
    /// Buffers.
    pub buffers: Vec<BufferSpecification>,
    /// Immediate data, as 32-bit words.
    #[serde(default)]
    pub immediates: Vec<u32>,
    /// Seed of random numbers.
    #[serde(default)]
    pub seed: u64,
}

/// Values of `override` constants by name.
pub type Overrides = BTreeMap<String, Override>;

/// The value of an `override` constant.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Override {
    /// Of a bool.
    Bool(bool),
    /// Of a number.
    Number(f64),
}

/// Bound of an error: `absolute + relative · |expected|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tolerance {
    /// Absolute part.
    pub absolute: f64,
    /// Part relative to the expected value.
    pub relative: f64,
}

/// A buffer of a specification.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BufferSpecification {
    /// Group and binding.
    pub binding: [u32; 2],
    /// Type of the elements.
    #[serde(rename = "type")]
    pub ty: Element,
    /// Sizes, the last of which is that of rows.
    pub shape: Vec<u32>,
    /// Content before the run.
    pub fill: Fill,
    /// Bounds of `uniform`: the lowest value, and the end.
    pub range: Option<[f64; 2]>,
    /// What the content after the run is compared with.
    pub expect: Option<Expect>,
}

/// Type of a buffer's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// `f32`.
    F32,
    /// `f16`.
    F16,
    /// `i32`.
    I32,
    /// `u32`.
    U32,
}

/// Content of a buffer before the run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Fill {
    /// Draws from N(0, 1).
    Normal,
    /// Draws from a range: by default from 0 to 1 for floats, whole numbers from 0 to 255 for
    /// integers.
    Uniform,
    /// Zeros.
    Zeros,
    /// Ones.
    Ones,
    /// The numbers 0, 1, 2, ….
    Iota,
    /// Nothing: reading an element before it is written is a finding.
    Undefined,
    /// An `.npy` file.
    File(PathBuf),
}

impl From<String> for Fill {
    fn from(name: String) -> Self {
        match name.as_str() {
            "normal" => Self::Normal,
            "uniform" => Self::Uniform,
            "zeros" => Self::Zeros,
            "ones" => Self::Ones,
            "iota" => Self::Iota,
            "undefined" => Self::Undefined,
            _ => Self::File(name.into()),
        }
    }
}

/// What a buffer is compared with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Expect {
    /// `"f64"`: the results of the same text in f64; else an `.npy` file.
    File(PathBuf),
    /// The results of another text with the same bindings, in f64.
    Text(Text),
}

/// Another text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// File.
    pub wgsl: PathBuf,
    /// Entry point; may be left out if there is one only.
    pub entry: Option<String>,
    /// Workgroups, if they differ.
    pub grid: Option<[u32; 3]>,
    /// Values of `override` constants; if left out, those of the specification that it has.
    pub overrides: Option<Overrides>,
}
