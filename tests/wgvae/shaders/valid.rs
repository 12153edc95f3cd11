//! A WGSL module through naga's front end and validator as in wgpu-core 30, with values for its
//! `override` constants as in wgpu-hal 30.

use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding, ShaderStage, StorageAccess};

/// A pipeline's layout. That of a kernel has what the whole module declares, even if a pass leaves
/// some of it: `interface` compares both.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// In order, and whether each is written.
    pub(super) storages: Vec<(ResourceBinding, bool)>,
    pub(super) immediate_bytes: u32,
}

/// A module that has its constants, as naga's writers take it.
pub(super) struct Specialised {
    pub(super) module: Module,
    pub(super) info: ModuleInfo,
    pub(super) entry_point: &'static str,
    pub(super) layout: Layout,
    pub(super) subgroups: bool,
}

/// A module that passed the validator of a device with immediate data, and subgroups if so said.
pub(super) fn validated(wgsl: &str, subgroups: bool) -> Result<(Module, ModuleInfo), String> {
    let parsed = naga::front::wgsl::parse_str(wgsl);
    let module = parsed.map_err(|error| error.emit_to_string(wgsl))?;
    let mut capabilities = Capabilities::IMMEDIATES;
    capabilities.set(Capabilities::SUBGROUP, subgroups);
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| error.emit_to_string(wgsl))?;
    Ok((module, info))
}

/// Validates a module, and gives it its constants.
///
/// # Errors
/// What naga reports.
pub(super) fn specialised(
    wgsl: &str,
    entry_point: &'static str,
    constants: &[(&'static str, f64)],
    subgroups: bool,
) -> Result<Specialised, String> {
    let (whole, info) = validated(wgsl, subgroups)?;
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
    let (module, info) =
        process_overrides(&whole, &info, stage, &constants).map_err(|error| error.to_string())?;
    let (module, info) = (module.into_owned(), info.into_owned());
    Ok(Specialised { module, info, entry_point, layout, subgroups })
}
