//! A compute shader that is ready to run: the compact form of an entry point and all functions that
//! it calls, with its `override` constants set.

use super::code::{Code, Input};
use super::lower;
use super::op::Op;
use super::{Error, Result, Scalar};
use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ShaderStage};
use std::collections::BTreeSet;

/// A compute shader that is ready to run.
#[derive(Debug)]
pub struct Program {
    pub(super) code: Code,
    pub(super) workgroup_size: [u32; 3],
    entry_point: String,
}

/// A buffer that a program needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Name of the variable.
    pub name: String,
    /// Group.
    pub group: u32,
    /// Binding.
    pub binding: u32,
    /// Bytes that the buffer needs at least: those of one element if it is a runtime-sized array.
    pub least_bytes: u64,
    /// Whether it is a storage buffer, not a uniform one.
    pub is_storage: bool,
    /// Whether the program stores to it, other than by atomics.
    pub is_written: bool,
    /// Whether it has atomics.
    pub has_atomics: bool,
    /// Type of its scalars, if they have the same.
    pub scalar: Option<Scalar>,
    /// Number of its scalars; none if it ends in a runtime-sized array.
    pub scalars: Option<u64>,
}

/// Everything in WGSL that wgpu offers to compute stages and the interpreter supports.
fn capabilities() -> Capabilities {
    Capabilities::IMMEDIATES
        | Capabilities::SUBGROUP
        | Capabilities::SUBGROUP_BARRIER
        | Capabilities::SHADER_FLOAT16
        | Capabilities::SHADER_FLOAT16_IN_FLOAT32
        | Capabilities::SHADER_FLOAT32_ATOMIC
}

impl Program {
    /// Parses, validates and lowers a module's text. The entry point may be left out if there is
    /// only one; `overrides` are values by name, or by number if the constant has one.
    ///
    /// # Errors
    /// The text or a value is invalid; see also [`new`](Self::new).
    pub fn from_wgsl(
        text: &str,
        entry_point: Option<&str>,
        overrides: &[(&str, f64)],
    ) -> Result<Self> {
        let module =
            naga::front::wgsl::parse_str(text).map_err(|error| Error::parse(&error, text))?;
        let info = Validator::new(ValidationFlags::all(), capabilities())
            .validate(&module)
            .map_err(|error| Error::invalid(&error, text))?;
        let names = || {
            let compute = module.entry_points.iter().filter(|e| e.stage == ShaderStage::Compute);
            compute.map(|entry| entry.name.as_str())
        };
        let found = || names().collect::<Vec<_>>().join(", ");
        let entry_point = match entry_point {
            Some(name) => name,
            None if names().count() == 1 => names().next().unwrap_or_default(),
            None => {
                return Err(Error::EntryPoint { expected: "by name".to_owned(), found: found() });
            }
        };
        Self::new(&module, &info, text, entry_point, overrides)
    }

    /// Lowers an entry point of a validated module. `text` is the module's text, for the places of
    /// findings.
    ///
    /// # Errors
    /// The module has no such compute entry point, an `override` has no value or one that does not
    /// fit, or the program has something that the interpreter does not support.
    pub fn new(
        module: &Module,
        info: &ModuleInfo,
        text: &str,
        entry_point: &str,
        overrides: &[(&str, f64)],
    ) -> Result<Self> {
        let constants = overrides.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let stage = Some((ShaderStage::Compute, entry_point));
        let names = || module.entry_points.iter().map(|entry| entry.name.as_str());
        if !names().any(|name| name == entry_point) {
            let found = names().collect::<Vec<_>>().join(", ");
            return Err(Error::EntryPoint { expected: entry_point.to_owned(), found });
        }
        // naga may remove variables that the entry point does not use.
        let bindings = module.global_variables.iter().filter_map(|(_, global)| global.binding);
        let declared = bindings.map(|binding| (binding.group, binding.binding)).collect();
        let (module, info) = process_overrides(module, info, stage, &constants)
            .map_err(|error| Error::constants(&error, text))?;
        let index = module
            .entry_points
            .iter()
            .position(|entry| entry.stage == ShaderStage::Compute && entry.name == entry_point);
        let index = index.ok_or_else(|| Error::EntryPoint {
            expected: entry_point.to_owned(),
            found: "an entry point of another stage".to_owned(),
        })?;
        let code = Code { declared, ..lower::lower(&module, &info, text, index)? };
        let workgroup_size = module.entry_points[index].workgroup_size;
        Ok(Self { code, workgroup_size, entry_point: entry_point.to_owned() })
    }

    /// The entry point.
    pub fn entry_point(&self) -> &str {
        &self.entry_point
    }

    /// Invocations of a workgroup along x, y and z.
    pub fn workgroup_size(&self) -> [u32; 3] {
        self.workgroup_size
    }

    /// The buffers that the entry point uses.
    pub fn bindings(&self) -> impl Iterator<Item = Binding> + '_ {
        self.code.buffers.iter().filter_map(|buffer| {
            let (group, binding) = buffer.binding?;
            let least_bytes = buffer.ty.least_bytes();
            let (is_storage, is_written) = (buffer.is_storage, buffer.is_written);
            let name = buffer.name.clone();
            let (mut scalars, has_atomics) = (Vec::new(), buffer.ty.has_atomics());
            buffer.ty.leaves(0, 1, &mut |_, scalar| scalars.push(scalar));
            let first = scalars.first().copied();
            let scalar = first.filter(|first| scalars.iter().all(|scalar| scalar == first));
            let is_sized = buffer.ty.runtime_count(least_bytes) == 0;
            let scalars = is_sized.then_some(scalars.len() as u64);
            Some(Binding {
                name,
                group,
                binding,
                least_bytes,
                is_storage,
                is_written,
                has_atomics,
                scalar,
                scalars,
            })
        })
    }

    /// Bytes of immediate data.
    pub fn immediate_bytes(&self) -> u64 {
        let immediate = self.code.buffers.iter().find(|buffer| buffer.binding.is_none());
        immediate.map_or(0, |buffer| buffer.ty.least_bytes())
    }

    /// Whether results may depend on the subgroup size: the program has subgroup or quad
    /// operations or reads a built-in value of subgroups.
    pub fn uses_subgroups(&self) -> bool {
        use Input::{NumSubgroups, SubgroupId, SubgroupInvocationId, SubgroupSize};
        let inputs = [NumSubgroups, SubgroupId, SubgroupInvocationId, SubgroupSize];
        !self.code.collectives.is_empty()
            || self.code.has_subgroup_barrier
            || self.code.inputs.iter().any(|(input, _)| inputs.contains(input))
    }

    /// Whether the program has atomic operations.
    pub fn uses_atomics(&self) -> bool {
        self.code.ops.iter().any(Op::is_atomic)
    }

    /// Whether invocations can pass values to each other through memory. If not, and without a
    /// race, results do not depend on the order in which they run.
    pub fn shares_memory(&self) -> bool {
        let (mut loaded, mut stored) = (BTreeSet::new(), BTreeSet::new());
        for op in &self.code.ops {
            match op {
                Op::Load { access, .. } => drop(loaded.insert(access.memory)),
                Op::Store { access, .. } => drop(stored.insert(access.memory)),
                _ if op.is_atomic() => return true,
                _ => {}
            }
        }
        loaded.intersection(&stored).next().is_some()
    }

    /// Number of operations in the compact form.
    pub fn operations(&self) -> usize {
        self.code.ops.len()
    }
}

/// Returns the three coordinates of an index, x first.
pub(super) fn split(index: u32, [x, y, _]: [u32; 3]) -> [u32; 3] {
    let (x, y) = (x.max(1), y.max(1));
    [index % x, index / x % y, index / x / y]
}
