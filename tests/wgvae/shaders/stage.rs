//! The compute stages that wgvae makes pipelines of: a module, an entry point and constants.

use std::collections::HashSet;

use wgvae::kernel::{Kernel, Tiling, Variant, WORKGROUP, kernels, probes};
use wgvae::shader::{Specialised, specialised};

use super::{Applied, Outcome};

/// A module with the constants of one pipeline.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Kernel, variant, pass and, if there are several sets of constants, their number.
    pub(super) name: String,
    /// The module's label in wgpu, which compilers of HLSL take as the name of the source.
    pub(super) label: String,
    pub(super) entry_point: &'static str,
    pub(super) wgsl: String,
    pub(super) constants: Vec<(&'static str, f64)>,
    /// Whether the device has to have subgroups.
    pub(super) subgroups: bool,
    /// Invocations of a workgroup.
    pub(super) invocations: u32,
}

impl Stage {
    /// The stages of every kernel, variant, set of constants and pass, then of every probe.
    pub(super) fn all() -> Result<Vec<Self>, Box<dyn std::error::Error>> {
        let mut seen = HashSet::new();
        let mut stages = Vec::new();
        for kernel in kernels() {
            for case in (kernel.cases)() {
                let call = Applied::new(&case)?.call;
                for variant in kernel.variants().into_iter().filter(|way| case.is_for(*way)) {
                    let tiling = kernel.tiling(&call, variant);
                    let Some(Tiling { constants, .. }) = tiling else { continue };
                    let bits: Vec<_> =
                        constants.iter().map(|&(name, value)| (name, value.to_bits())).collect();
                    let texts = kernel.wgsl(&call, variant);
                    if seen.insert((texts.clone(), bits)) {
                        let label = call.label();
                        let number = seen.len();
                        stages.extend(Self::of_kernel(
                            kernel, label, variant, texts, &constants, number,
                        ));
                    }
                }
            }
        }
        stages.extend([true, false].into_iter().flat_map(Self::of_probes));
        Ok(stages)
    }

    fn of_kernel(
        kernel: &Kernel,
        label: String,
        variant: Variant,
        texts: Vec<String>,
        constants: &[(&'static str, f64)],
        number: usize,
    ) -> Vec<Self> {
        let core = variant.core();
        let passes = texts.into_iter().enumerate();
        // Compilers of other systems read files of these names.
        let file = label.replace('+', "-");
        let stage = |(pass, wgsl)| Self {
            name: format!("{file}.{}.{pass}.{number}", variant.name()),
            label: label.clone(),
            entry_point: kernel.entry_point,
            wgsl,
            constants: constants.to_vec(),
            subgroups: core.is_some_and(|core| core.subgroups),
            invocations: core.map_or(WORKGROUP, |core| core.lanes) as u32,
        };
        passes.map(stage).collect()
    }

    /// The probes of a driver that runs on the CPU, or of a GPU.
    fn of_probes(is_software: bool) -> Vec<Self> {
        let processor = if is_software { "cpu" } else { "gpu" };
        let all = probes(is_software, usize::MAX).into_iter().enumerate();
        let stage = |(number, probe): (usize, wgvae::kernel::Probe)| Self {
            name: format!("probe_{}.{processor}.0.{number}", probe.name),
            label: probe.name.to_owned(),
            entry_point: probe.entry_point,
            wgsl: probe.wgsl.to_owned(),
            constants: probe.constants,
            subgroups: false,
            invocations: if probe.name == "dispatch" { 1 } else { 256 },
        };
        all.map(stage).collect()
    }

    /// Parses and validates the module, and gives it its constants.
    ///
    /// # Errors
    /// What naga reports.
    pub(super) fn specialised(&self) -> Result<Specialised, String> {
        specialised(&self.wgsl, self.entry_point, &self.constants, self.subgroups)
            .map_err(|fault| fault.to_string())
    }
}

#[test]
fn faults_are_reported() -> Outcome {
    let given = |wgsl: &str, constants: &[(&'static str, f64)]| {
        let (entry_point, constants) = ("f", constants.to_vec());
        let [label, name] = ["f", "f"].map(str::to_owned);
        let wgsl = wgsl.to_owned();
        let (subgroups, invocations) = (false, 1);
        let stage = Stage { name, label, entry_point, wgsl, constants, subgroups, invocations };
        stage.specialised().err()
    };
    let faulty = |wgsl: &str| given(wgsl, &[]).ok_or_else(|| format!("no report for {wgsl}"));
    assert!(faulty("fn f() -> u32 { return 1.5; }")?.contains("`u32`"));
    // Subgroups are more than the device was asked for.
    assert!(
        faulty("@compute @workgroup_size(1) fn f() { _ = subgroupAdd(1.0); }")?
            .contains("Entry point f ")
    );
    let text = "override COUNT: u32; @compute @workgroup_size(COUNT) fn f() {}";
    assert_eq!(given(text, &[("COUNT", 2.0)]), None);
    assert!(given(text, &[]).is_some_and(|report| report.contains("COUNT")));
    let more = [("COUNT", 2.0), ("MORE", 1.0)];
    assert!(given(text, &more).is_some_and(|report| report.contains("MORE")));
    Ok(())
}
