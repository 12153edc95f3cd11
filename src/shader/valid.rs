//! Validation of a WGSL module by naga's front end and validator as in wgpu-core 30, with values
//! for its `override` constants as in wgpu-hal 30.

use super::Fault;
use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding, ShaderStage, StorageAccess};

/// A pipeline's layout. A kernel's layout has everything that the whole module declares, even if a
/// pass does not use all of it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Storage buffers in order, and whether each is written.
    pub storages: Vec<(ResourceBinding, bool)>,
    /// Bytes of immediate data.
    pub immediate_bytes: u32,
}

/// A module with its constants set, ready for naga's writers.
#[derive(Debug)]
pub struct Specialised {
    /// The module without `override` constants.
    pub module: Module,
    /// The validator's results.
    pub info: ModuleInfo,
    /// Entry point.
    pub entry_point: &'static str,
    /// The pipeline's layout.
    pub layout: Layout,
    /// Whether the device was opened with subgroups.
    pub subgroups: bool,
}

/// Parses a module and validates it for a device with immediate data, and with subgroups if
/// `subgroups` is set.
///
/// # Errors
/// naga's errors.
pub fn validated(wgsl: &str, subgroups: bool) -> Result<(Module, ModuleInfo), Fault> {
    let module = naga::front::wgsl::parse_str(wgsl)?;
    let mut capabilities = Capabilities::IMMEDIATES;
    capabilities.set(Capabilities::SUBGROUP, subgroups);
    let info = Validator::new(ValidationFlags::all(), capabilities).validate(&module)?;
    Ok((module, info))
}

/// Validates a module and sets its constants.
///
/// # Errors
/// naga's errors; a missing entry point.
pub fn specialised(
    wgsl: &str,
    entry_point: &'static str,
    constants: &[(&'static str, f64)],
    subgroups: bool,
) -> Result<Specialised, Fault> {
    let (whole, info) = validated(wgsl, subgroups)?;
    if !whole.entry_points.iter().any(|entry| entry.name == entry_point) {
        let found: Vec<_> = whole.entry_points.iter().map(|entry| entry.name.as_str()).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        let expected = format!("expected the entry point `{entry_point}`, found {found}");
        return Err(Fault::whole(expected));
    }
    let storages = whole.global_variables.iter().filter_map(|(_, global)| {
        let AddressSpace::Storage { access } = global.space else { return None };
        Some((global.binding?, access.contains(StorageAccess::STORE)))
    });
    let mut storages: Vec<_> = storages.collect();
    storages.sort();
    let immediate_bytes = whole.global_variables.iter().find_map(|(_, global)| {
        let is_immediate = global.space == AddressSpace::Immediate;
        is_immediate.then(|| whole.types[global.ty].inner.size(whole.to_ctx()))
    });
    let layout = Layout { storages, immediate_bytes: immediate_bytes.unwrap_or(0) };
    let constants = constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let stage = Some((ShaderStage::Compute, entry_point));
    let (module, info) = process_overrides(&whole, &info, stage, &constants)?;
    let (module, info) = (module.into_owned(), info.into_owned());
    Ok(Specialised { module, info, entry_point, layout, subgroups })
}
