//! The roofs of devices: their kernels do what is counted, and all devices have them. No test asks
//! how fast a machine is.

use crate::devices::{gpus, sessions};
use wgvae::Error;
use wgvae::cpu::fma::{Fma, fma};
use wgvae::device::Profiled;
use wgvae::device::cpu::CpuSession;
use wgvae::kernel::{Probe, probes};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A chain that starts at k is 8·k + 7 after three rounds.
fn doubled<const CHAINS: usize>() {
    let Fma { lanes, sum } = fma::<CHAINS>(3, 2.0, 1.0);
    let chains: usize = (0..CHAINS).map(|chain| 8 * chain + 7).sum();
    assert!(lanes > 0);
    assert_eq!(sum, (lanes * chains) as f32);
}

#[test]
fn the_fma_loop_of_the_cpu_multiplies_and_adds() {
    doubled::<1>();
    doubled::<7>();
    doubled::<12>();
    doubled::<16>();
    let Fma { lanes, sum } = fma::<2>(1 << 16, 1.0, 1.0);
    assert_eq!(sum, (lanes * (2 * 65536 + 1)) as f32);
    let Fma { lanes, sum } = fma::<4>(0, 2.0, 1.0);
    assert_eq!(sum, (lanes * 6) as f32);
}

#[test]
fn every_device_has_roofs() -> Outcome {
    for mut session in sessions() {
        let roofs = session.roofs()?;
        let device = session.description();
        assert_eq!(roofs.workgroup_gbs.is_some(), device.backend != "CPU", "{device}");
        assert_eq!(roofs.submit_us > 0.0, device.backend != "CPU", "{device}");
        let rates = [roofs.gflops, roofs.gbs, roofs.cached_gbs, roofs.dispatch_us];
        for rate in rates.into_iter().chain(roofs.workgroup_gbs) {
            assert!(rate.is_finite() && rate > 0.0, "{device}: {roofs:?}");
        }
        assert!(roofs.submit_us.is_finite(), "{device}: {roofs:?}");
        println!("{device}: {roofs:?}");
    }
    Ok(())
}

#[test]
fn the_oracle_has_no_roofs() {
    let refused = CpuSession::<f64>::new().roofs();
    assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
}

/// Every probe gives what is expected, and none would if it did less.
#[test]
fn probes_are_checked() -> Outcome {
    for gpu in gpus() {
        for probe in probes(true, 8 << 20) {
            let name = format!("{} with {:?}", probe.name, probe.constants);
            gpu.check_probe(probe.clone()).map_err(|error| format!("{name}: {error}"))?;
            let mut wrong = probe.clone();
            if let Some(last) = wrong.y.last_mut() {
                *last = f32::NAN;
            }
            assert!(gpu.check_probe(wrong).is_err(), "{name}");
            let fewer = Probe { workgroups: probe.workgroups - 1, ..probe.clone() };
            assert!(gpu.check_probe(fewer).is_err(), "{name}");
            let mut shorter = probe.clone();
            for (_, rounds) in shorter.constants.iter_mut().filter(|(name, _)| *name == "ROUNDS") {
                *rounds -= 1.0;
            }
            // Copying once less is the same where it was done before.
            let changed = ["fma", "workgroup"].contains(&probe.name);
            assert!(!changed || gpu.check_probe(shorter).is_err(), "{name}");
        }
    }
    Ok(())
}
