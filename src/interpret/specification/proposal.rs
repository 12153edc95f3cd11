//! A first specification for a text that has none.

use super::Specification;
use crate::interpret::{Binding, Error, Program, Result, Scalar};
use naga::{Module, Override, ScalarKind, TypeInner};
use std::fmt::Write;

/// Elements of a runtime-sized array: no multiple of a usual size of workgroups.
const ELEMENTS: u64 = 1000;

/// Value of an `override` constant without one.
const SIZE: u32 = 16;

impl Specification {
    /// Returns the text of a specification for a kernel: one workgroup, numbers at random for
    /// buffers that it only reads, and results compared with those of the same text in f64. Shapes
    /// and the grid are guesses that the user has to correct.
    ///
    /// # Errors
    /// See [`Program::from_wgsl`].
    pub fn propose(wgsl: &str, entry_point: Option<&str>) -> Result<String> {
        let module =
            naga::front::wgsl::parse_str(wgsl).map_err(|error| Error::parse(&error, wgsl))?;
        let missing: Vec<_> = module
            .overrides
            .iter()
            .filter(|(_, constant)| constant.init.is_none())
            .filter_map(|(_, constant)| Some((name(constant)?, guess(&module, constant))))
            .collect();
        let values: Vec<_> =
            missing.iter().map(|(name, (value, _))| (name.as_str(), *value)).collect();
        let program = Program::from_wgsl(wgsl, entry_point, &values)?;
        let mut text = String::new();
        if let Some(entry_point) = entry_point {
            let _ = writeln!(text, "entry = {entry_point:?}");
        }
        let _ = writeln!(text, "grid = [1, 1, 1]                # workgroups");
        let _ = writeln!(text, "tolerance = {{ absolute = 1e-6, relative = 1e-5 }}");
        if program.immediate_bytes() > 0 {
            let words = vec!["0"; program.immediate_bytes().div_ceil(4) as usize];
            let _ = writeln!(text, "immediates = [{}]", words.join(", "));
        }
        if !missing.is_empty() {
            let list: Vec<_> =
                missing.iter().map(|(name, (_, shown))| format!("{name} = {shown}")).collect();
            let _ = writeln!(text, "overrides = {{ {} }}", list.join(", "));
        }
        let _ = writeln!(text, "buffers = [");
        program.bindings().for_each(|binding| text.push_str(&buffer(&binding)));
        text.push_str("]\n");
        Ok(text)
    }
}

/// The name or number by which a constant is set.
fn name(constant: &Override) -> Option<String> {
    constant.id.map(|id| id.to_string()).or_else(|| constant.name.clone())
}

/// A value for a constant, as a number and as text.
fn guess(module: &Module, constant: &Override) -> (f64, String) {
    match module.types[constant.ty].inner {
        TypeInner::Scalar(scalar) if scalar.kind == ScalarKind::Bool => (1.0, "true".to_owned()),
        _ => (SIZE.into(), SIZE.to_string()),
    }
}

/// The line of a buffer.
fn buffer(binding: &Binding) -> String {
    let ty = match binding.scalar {
        Some(Scalar::F16) => "f16",
        Some(Scalar::I32) => "i32",
        Some(Scalar::U32) => "u32",
        _ => "f32",
    };
    let is_real = matches!(ty, "f32" | "f16");
    // Padding counts, too: a specification knows bytes only.
    let bytes = if ty == "f16" { 2 } else { 4 };
    let count = match binding.scalars {
        Some(_) => binding.least_bytes / bytes,
        None => ELEMENTS * binding.least_bytes / bytes,
    };
    let (fill, expect) = match binding {
        binding if binding.has_atomics => ("zeros", true),
        binding if binding.is_written => ("undefined", true),
        _ if is_real => ("normal", false),
        _ => ("uniform", false),
    };
    let expect = if expect { ", expect = \"f64\"" } else { "" };
    let (group, place, name) = (binding.group, binding.binding, &binding.name);
    format!(
        "  {{ binding = [{group}, {place}], type = \"{ty}\", shape = [{count}], \
         fill = \"{fill}\"{expect} }}, # {name}\n"
    )
}
