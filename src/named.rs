//! Kernels by the names that `wgvae verify` and `wgvae profile` print: the variants of each, and
//! the module of every pass, with the constants of a call of the default model or, for kernels that
//! it does not use, of the kernel's first case.

use crate::Result;
use crate::graph::{Binarize, Pixels, Plan};
use crate::kernel::{Call, Kernel, Sources, Tiling, Variant, Wgsl, kernels};
use crate::model::{Architecture, Images, Training};
use crate::shader::{METAL, Specialised, VULKAN, bytes, for_browsers, specialised, validated};
use naga::back::hlsl::ShaderModel;
use std::collections::BTreeSet;

/// A language in which modules are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// WGSL, the text that wgpu gets.
    Wgsl,
    /// SPIR-V for Vulkan 1.3, on a device with robust buffers.
    Spirv,
    /// HLSL for DX12: shader model 5.1 or, if quads exchange values, 6.0.
    Hlsl,
    /// Metal's language, version 3.2.
    Msl,
}

impl Language {
    /// Returns the file extension.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Wgsl => "wgsl",
            Self::Spirv => "spv",
            Self::Hlsl => "hlsl",
            Self::Msl => "metal",
        }
    }
}

/// A name, with the calls of kernels that have it.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name, like `linear+relu`.
    pub label: String,
    /// The row of the kernel table.
    pub kernel: &'static Kernel,
    /// The calls, each with whether it belongs to the default model.
    calls: Vec<(Call, bool)>,
}

/// A module with the constants of one call.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The kernel's name.
    pub label: String,
    /// The variant.
    pub variant: Variant,
    /// Index of the pass, from 0.
    pub pass: usize,
    /// Entry point.
    pub entry_point: &'static str,
    /// The module.
    pub module: Wgsl,
    /// Values of the `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// Whether the device needs subgroups.
    pub subgroups: bool,
    /// Description of the call whose constants these are.
    pub call: String,
}

impl Named {
    /// Returns every name, in the order of the kernel table.
    ///
    /// # Errors
    /// Only those of a faulty op.
    pub fn all() -> Result<Vec<Self>> {
        let mut calls = Vec::new();
        for fused in [true, false] {
            let plan = default_plan(fused)?;
            calls.extend(plan.nodes().map(|node| (Call::of(plan.graph(), node), true)));
        }
        for case in kernels().flat_map(|kernel| (kernel.cases)()) {
            calls.push((case.call()?, false));
        }
        let mut all: Vec<Self> = Vec::new();
        for (call, is_of_model) in calls {
            let label = call.label();
            match all.iter_mut().find(|named| named.label == label) {
                Some(named) => named.calls.push((call, is_of_model)),
                None => {
                    let kernel = Kernel::of(&call);
                    all.push(Self { label, kernel, calls: vec![(call, is_of_model)] });
                }
            }
        }
        let order: Vec<_> = kernels().map(|kernel| kernel.name).collect();
        all.sort_by_key(|named| order.iter().position(|name| *name == named.kernel.name));
        Ok(all)
    }

    /// Returns the variants that support at least one of the calls.
    pub fn variants(&self) -> Vec<Variant> {
        let serves = |variant: &Variant| {
            self.calls.iter().any(|(call, _)| self.kernel.tiling(call, *variant).is_some())
        };
        self.kernel.variants().into_iter().filter(serves).collect()
    }

    /// Returns the module of each pass of a variant, for the first call that the variant supports;
    /// none if there is no such call.
    pub fn stages(&self, variant: Variant, sources: &Sources) -> Vec<Stage> {
        self.each_stage(variant, sources).next().unwrap_or_default()
    }

    /// Returns every module of a variant, with a file name: `NAME.VARIANT.PASS`, followed by a
    /// number from 2 on if the text depends on the shapes.
    pub fn every_stage(&self, variant: Variant, sources: &Sources) -> Vec<(String, Stage)> {
        let mut seen = BTreeSet::new();
        let mut all: Vec<(String, Stage)> = Vec::new();
        for stage in self.each_stage(variant, sources).flatten() {
            if seen.insert((stage.pass, stage.module.text.clone())) {
                let same = all.iter().filter(|(_, other)| other.pass == stage.pass).count();
                let number = if same == 0 { String::new() } else { format!(".{}", same + 1) };
                let name = format!("{}.{}.{}{number}", stage.label, variant.name(), stage.pass);
                all.push((name, stage));
            }
        }
        all
    }

    fn each_stage<'a>(
        &'a self,
        variant: Variant,
        sources: &'a Sources,
    ) -> impl Iterator<Item = Vec<Stage>> + 'a {
        self.calls.iter().filter_map(move |(call, is_of_model)| {
            let Tiling { constants, .. } = self.kernel.tiling(call, variant)?;
            let modules = self.kernel.modules(call, variant, sources).into_iter().enumerate();
            let stage = |(pass, module): (usize, Wgsl)| Stage {
                label: self.label.clone(),
                variant,
                pass,
                entry_point: self.kernel.entry_point,
                constants: constants.clone(),
                subgroups: variant.core().is_some_and(|core| core.subgroups)
                    || needs_subgroups(&module),
                call: format!("{call}{}", if *is_of_model { ", of the default model" } else { "" }),
                module,
            };
            Some(modules.map(stage).collect())
        })
    }
}

/// Whether a module with users' files is valid only on a device with subgroups.
fn needs_subgroups(module: &Wgsl) -> bool {
    let is_valid = |subgroups| validated(&module.text, subgroups).is_ok();
    !module.edited().is_empty() && !is_valid(false) && is_valid(true)
}

impl Stage {
    /// Parses and validates the module, and sets its constants.
    ///
    /// # Errors
    /// [`Error::Shader`](crate::Error::Shader).
    pub fn specialised(&self) -> Result<Specialised> {
        specialised(&self.module.text, self.entry_point, &self.constants, self.subgroups)
            .map_err(|fault| fault.in_module(&self.module))
    }

    /// Writes the module in a language, after comments that describe it if the language has
    /// comments. wgpu's bounds on loops are included if `checked` is set, or if the module has a
    /// user's file.
    ///
    /// # Errors
    /// [`Error::Shader`](crate::Error::Shader) if the module is not valid.
    pub fn emit(&self, language: Language, checked: bool) -> Result<Vec<u8>> {
        let checked = checked || !self.module.edited().is_empty();
        let module = self.specialised()?;
        let text = match language {
            Language::Wgsl => Ok(self.module.text.clone()),
            Language::Hlsl => module.hlsl(self.shader_model(), checked).map(|hlsl| hlsl.text),
            Language::Msl => module.msl(METAL[3], checked).map(|msl| msl.text),
            Language::Spirv => {
                let spirv = module.spirv(VULKAN[5], checked);
                return spirv
                    .map(|words| bytes(&words))
                    .map_err(|fault| fault.in_module(&self.module));
            }
        };
        let text = text.map_err(|fault| fault.in_module(&self.module))?;
        Ok((self.head(&self.target(language)) + &text).into_bytes())
    }

    /// Returns the WGSL for browsers, with the `enable` and `requires` directives that they need.
    pub fn for_browsers(&self) -> String {
        self.head("WGSL, as browsers take it") + &for_browsers(&self.module.text, self.subgroups)
    }

    /// Returns FXC's model, which wgpu uses unless it finds a DXC; it has no subgroups.
    fn shader_model(&self) -> ShaderModel {
        if self.subgroups { ShaderModel::V6_0 } else { ShaderModel::V5_1 }
    }

    /// Returns the language and version that [`emit`](Self::emit) writes.
    fn target(&self, language: Language) -> String {
        match language {
            Language::Wgsl => "WGSL, as wgpu gets it".to_owned(),
            Language::Hlsl => {
                format!("HLSL for cs_{}, as wgpu 30 writes it", self.shader_model().to_str())
            }
            Language::Msl => "MSL 3.2, as wgpu 30 writes it".to_owned(),
            Language::Spirv => "SPIR-V for Vulkan 1.3, as wgpu 30 writes it".to_owned(),
        }
    }

    /// Returns comments that describe the text.
    fn head(&self, target: &str) -> String {
        let Self { label, variant, pass, constants, call, .. } = self;
        let constants = constants.iter().map(|(name, value)| format!("{name} = {value}"));
        let constants = constants.collect::<Vec<_>>().join(", ");
        let constants = if constants.is_empty() { "none" } else { &constants };
        let variant = variant.name();
        format!(
            "// {label}, {variant}, pass {pass}: {target}\n// constants of {call}: {constants}\n"
        )
    }
}

/// Returns the plan of a training step of the default model.
fn default_plan(fused: bool) -> Result<Plan> {
    let images = Images {
        name: "train",
        count: 60_000,
        batch: 64,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    Architecture::new(784, &[200, 100])?.training_plan(images, Training::default(), fused)
}
