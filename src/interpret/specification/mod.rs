//! Specifications: what a kernel is run with and what its results are compared with, as a TOML
//! file. Reading files is left to the caller ([`Files`]).

mod fill;
mod format;
mod proposal;

use crate::interpret::{Arithmetic, Buffer, Dispatch, Error, Options, Program, Report, Result};
use crate::random::generator;
use std::path::Path;

pub use format::{
    BufferSpecification, Element, Expect, Fill, Override, Overrides, Specification, Text, Tolerance,
};

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
            let filled = Buffer::new(group, binding, bytes);
            Ok(if buffer.fill == Fill::Undefined { filled.undefined() } else { filled })
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
