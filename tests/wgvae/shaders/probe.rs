//! The modules of the probes; [`stage`](super::stage) has them translated as those of kernels.

use super::Outcome;
use naga::AddressSpace;
use std::fs;
use std::path::Path;
use wgvae::kernel::{Probe, probes};
use wgvae::shader::validated;

/// All probes, for a CPU and for a GPU.
fn all() -> impl Iterator<Item = Probe> {
    [true, false].into_iter().flat_map(|is_software| probes(is_software, usize::MAX))
}

#[test]
fn every_probe_has_its_shader_file_and_binds_two_buffers() -> Outcome {
    for probe in all() {
        let file = format!("shaders/roofs/{}.wgsl", probe.name);
        assert_eq!(fs::read_to_string(Path::new(super::ROOT).join(file))?, probe.wgsl);
        let (module, _) = validated(probe.wgsl, false)?;
        let buffers = module.global_variables.iter().filter_map(|(_, global)| {
            let storage = matches!(global.space, AddressSpace::Storage { .. });
            let binding = global.binding.filter(|_| storage)?;
            Some((global.name.clone(), binding.group, binding.binding))
        });
        let buffers: Vec<_> = buffers.collect();
        let wanted = [("x", 0, 0), ("y", 0, 1)];
        assert_eq!(buffers, wanted.map(|(name, group, at)| (Some(name.to_owned()), group, at)));
    }
    Ok(())
}

/// No sum is rounded, whatever its order.
#[test]
fn every_result_is_a_small_whole_number() {
    for probe in all() {
        assert!(!probe.x.is_empty() && !probe.y.is_empty(), "{}", probe.name);
        let exact = |value: &f32| value.fract() == 0.0 && *value > 0.0 && *value < 16_777_216.0;
        assert!(probe.y.iter().all(exact), "{}", probe.name);
    }
}

/// Copies stay within the largest buffer and cover all of theirs.
#[test]
fn copies_fit_the_largest_buffer() {
    for most in [usize::MAX, 128 << 20, (8 << 20) + 12] {
        for probe in probes(false, most).iter().filter(|probe| probe.name == "copy") {
            let slice = probe.constants.iter().find(|(name, _)| *name == "SLICE");
            let slice = slice.map_or(0.0, |&(_, slice)| slice) as usize;
            assert!(probe.x_bytes <= most && probe.workgroups < 65536);
            assert_eq!([probe.x_bytes, probe.y_bytes], [probe.workgroups * slice * 16; 2]);
            assert_eq!(slice % 256, 0);
        }
    }
}
