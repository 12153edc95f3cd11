//! Specifications: what a kernel is run with and what its results are compared with, as a TOML file.
//! Reading files is left to the caller ([`Files`]).

use super::{Arithmetic, Buffer, Dispatch, Error, Options, Program, Report, Result, Scalar};
use crate::random::{generator, normals};
use half::f16;
use rand::{Rng, RngExt};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

/// The value of `expect` for the same text in f64.
const EXACT: &str = "f64";

/// Files that a specification names, with paths relative to it.
pub trait Files {
    /// Reads a text.
    ///
    /// # Errors
    /// The file cannot be read.
    fn text(&self, path: &Path) -> Result<String>;

    /// Reads the numbers of an `.npy` file, in order.
    ///
    /// # Errors
    /// The file cannot be read.
    fn numbers(&self, path: &Path) -> Result<Vec<f64>>;
}

/// Expected content of a buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Group and binding.
    pub binding: [u32; 2],
    /// Sizes.
    pub shape: Vec<u32>,
    /// Expected numbers.
    pub values: Vec<f64>,
}

impl Specification {
    /// Parses a specification.
    ///
    /// # Errors
    /// The text is not a valid specification.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::Specification(error.to_string()))
    }

    /// Returns the values of `override` constants as naga takes them.
    pub fn overrides(&self) -> Vec<(&str, f64)> {
        numbers(&self.overrides)
    }

    /// Compiles the kernel.
    ///
    /// # Errors
    /// See [`Program::from_wgsl`].
    pub fn program(&self, wgsl: &str) -> Result<Program> {
        Program::from_wgsl(wgsl, self.entry.as_deref(), &self.overrides())
    }

    /// Fills the buffers.
    ///
    /// # Errors
    /// A file cannot be read, or its numbers are not as many as the shape has.
    pub fn dispatch(&self, files: &dyn Files) -> Result<Dispatch> {
        let buffers = self.buffers.iter().enumerate();
        let fill = |(i, buffer): (usize, &BufferSpecification)| {
            let [group, binding] = buffer.binding;
            let bytes = buffer.bytes(&mut generator(self.seed, i as u64), files)?;
            let is_undefined = buffer.fill == Fill::Undefined;
            Ok(Buffer { group, binding, bytes, is_undefined })
        };
        let immediates = self.immediates.iter().flat_map(|word| word.to_le_bytes()).collect();
        Ok(Dispatch {
            grid: self.grid,
            buffers: buffers.map(fill).collect::<Result<_>>()?,
            immediates,
        })
    }

    /// Returns what the buffers with an `expect` must have. `wgsl` is the kernel's text.
    ///
    /// # Errors
    /// A file cannot be read, or a reference is no valid program.
    pub fn expected(
        &self,
        wgsl: &str,
        dispatch: &Dispatch,
        files: &dyn Files,
    ) -> Result<Vec<Expected>> {
        let mut all = Vec::new();
        for buffer in &self.buffers {
            let values = match &buffer.expect {
                None => continue,
                Some(Expect::File(path)) if path.as_os_str() == EXACT => {
                    values(&exact(&self.program(wgsl)?, dispatch)?, buffer.binding)?
                }
                Some(Expect::File(path)) => files.numbers(path)?,
                Some(Expect::Text(text)) => {
                    self.reference(text, dispatch, files, buffer.binding)?
                }
            };
            let (binding, shape) = (buffer.binding, buffer.shape.clone());
            all.push(Expected { binding, shape, values });
        }
        Ok(all)
    }

    fn reference(
        &self,
        text: &Text,
        dispatch: &Dispatch,
        files: &dyn Files,
        binding: [u32; 2],
    ) -> Result<Vec<f64>> {
        let wgsl = files.text(&text.wgsl)?;
        let mut overrides = numbers(text.overrides.as_ref().unwrap_or(&self.overrides));
        if text.overrides.is_none() {
            overrides.retain(|(name, _)| declares(&wgsl, name));
        }
        let program = Program::from_wgsl(&wgsl, text.entry.as_deref(), &overrides)?;
        let grid = text.grid.unwrap_or(dispatch.grid);
        values(&exact(&program, &Dispatch { grid, ..dispatch.clone() })?, binding)
    }
}

/// Whether a text has an `override` constant of a name.
fn declares(wgsl: &str, name: &str) -> bool {
    wgsl.lines().any(|line| {
        let declaration = line.split_once("override ").map(|(_, rest)| rest.trim_start());
        let after = declaration.and_then(|rest| rest.strip_prefix(name));
        after.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

fn numbers(overrides: &Overrides) -> Vec<(&str, f64)> {
    let number = |value: &Override| match *value {
        Override::Bool(is_true) => f64::from(u8::from(is_true)),
        Override::Number(number) => number,
    };
    overrides.iter().map(|(name, value)| (name.as_str(), number(value))).collect()
}

/// Runs a program in f64.
fn exact(program: &Program, dispatch: &Dispatch) -> Result<Report> {
    let options = Options { arithmetic: Arithmetic::F64, ..Options::default() };
    program.run(dispatch, &options)
}

fn values(report: &Report, [group, binding]: [u32; 2]) -> Result<Vec<f64>> {
    let mut buffers = report.buffers.iter();
    let buffer = buffers.find(|buffer| (buffer.group, buffer.binding) == (group, binding));
    buffer.map(|buffer| buffer.values.clone()).ok_or_else(|| Error::Binding {
        group,
        binding,
        expected: "a buffer of the reference".to_owned(),
        found: "none".to_owned(),
    })
}

impl BufferSpecification {
    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().map(|&size| size as usize).product()
    }

    /// The scalar type of the elements.
    pub fn scalar(&self) -> Scalar {
        match self.ty {
            Element::F32 => Scalar::F32,
            Element::F16 => Scalar::F16,
            Element::I32 => Scalar::I32,
            Element::U32 => Scalar::U32,
        }
    }

    fn bytes(&self, rng: &mut impl Rng, files: &dyn Files) -> Result<Vec<u8>> {
        let count = self.count();
        let is_real = self.scalar().is_real();
        let [low, end] = self.range.unwrap_or(if is_real { [0.0, 1.0] } else { [0.0, 256.0] });
        let uniform = |x: f64| {
            let x = low + (end - low) * x;
            if is_real { x } else { x.floor() }
        };
        let numbers: Vec<f64> = match &self.fill {
            Fill::Normal => normals(rng).take(count).collect(),
            Fill::Uniform => (0..count).map(|_| uniform(rng.random())).collect(),
            Fill::Zeros => vec![0.0; count],
            Fill::Ones => vec![1.0; count],
            Fill::Iota => (0..count).map(|i| i as f64).collect(),
            // Every bit is set, which is a NaN in the float types.
            Fill::Undefined => return Ok(vec![0xFF; count * self.scalar().bytes() as usize]),
            Fill::File(path) => files.numbers(path)?,
        };
        if numbers.len() != count {
            let (expected, found) = (format!("{count} numbers"), numbers.len());
            let message = format!("{:?}: expected {expected}, found {found}", self.fill);
            return Err(Error::Specification(message));
        }
        Ok(numbers.into_iter().flat_map(|number| self.encode(number)).collect())
    }

    /// Returns a number's bytes.
    fn encode(&self, number: f64) -> Vec<u8> {
        match self.ty {
            Element::F32 => (number as f32).to_le_bytes().to_vec(),
            Element::F16 => f16::from_f32(number as f32).to_le_bytes().to_vec(),
            Element::I32 => (number as i32).to_le_bytes().to_vec(),
            Element::U32 => (number as u32).to_le_bytes().to_vec(),
        }
    }
}
