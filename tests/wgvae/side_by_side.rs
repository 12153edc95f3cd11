//! Two devices that train the same: close where they should be, and caught where they are not.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::{any_gpu, sessions};
use crate::tampered::Tampered;
use serde_json::Value;
use std::error::Error;
use std::time::Duration;
use wgvae::compare::{Comparison, Extent, compare};
use wgvae::data::{Dataset, Levels};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Session, Span};
use wgvae::report::device_curves;
use wgvae::train::Config;

type Outcome = Result<(), Box<dyn Error>>;

fn images() -> Result<Dataset, &'static str> {
    let bytes = (0..64 * 20).map(|i| (i * 37 % 256) as u8).collect();
    Dataset::new(Levels::Bytes(bytes), "4x5".parse()?).map_err(|_| "whole images")
}

fn compared(
    sessions: [&mut dyn Session; 2],
    fuse: bool,
    tolerance: f64,
) -> Result<Comparison, Box<dyn Error>> {
    let config = Config { hidden: vec![12, 4], batch: 8, fuse, ..Config::default() };
    let extent = Extent { steps: 12, oracle_steps: 5, tolerance };
    Ok(compare(sessions, &config, &images()?, extent)?)
}

#[test]
fn every_device_trains_as_the_cpu_does() -> Outcome {
    for fuse in [true, false] {
        for mut session in sessions() {
            let mut cpu = CpuSession::<f32>::new();
            let found = compared([session.as_mut(), &mut cpu], fuse, 1e-5)?;
            let device = &found.devices[0];
            assert!(found.ok && found.largest_difference <= 1e-5, "{device}: {found:?}");
            assert_eq!(found.steps.len(), 12);
            let steps: Vec<_> = found.steps.iter().map(|step| step.step).collect();
            assert_eq!(steps, (1..=12).collect::<Vec<_>>());
            let with_oracle = found.steps.iter().filter(|step| step.oracle.is_some()).count();
            assert_eq!(with_oracle, 5);
            assert!(found.steps[11].elbo[0] > found.steps[0].elbo[0], "{device} learns nothing");
            let names: Vec<_> = found.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
            assert!(names.contains(&"decoder.2.bias") && names.len() == 8, "{names:?}");
            assert!(found.tensors.iter().all(|t| t.max_abs < 1e-4 && t.largest > 0.0), "{found:?}");
            // A row a node, whichever way a device runs it.
            assert_eq!(found.kernels.len() == 9, fuse, "{device}");
            assert!(found.kernels.iter().all(|row| row.ms.iter().all(|&ms| ms > 0.0)));
        }
    }
    Ok(())
}

#[test]
fn a_difference_past_the_tolerance_is_caught() -> Outcome {
    let (mut one, mut other) = (CpuSession::<f32>::new(), CpuSession::<f64>::new());
    let found = compared([&mut one, &mut other], true, 0.0)?;
    assert!(!found.ok && found.largest_difference > 0.0);
    assert!(found.oracle_difference[0] > 0.0);
    assert_eq!(found.oracle_difference[1].to_bits(), 0.0_f64.to_bits(), "the oracle is itself");
    // The same device twice does the same.
    let (mut one, mut other) = (CpuSession::<f64>::new(), CpuSession::<f64>::new());
    let found = compared([&mut one, &mut other], true, 0.0)?;
    assert!(found.ok && found.tensors.iter().all(|tensor| tensor.max_abs == 0.0), "{found:?}");
    Ok(())
}

#[test]
fn compare_prints_draws_and_exits_by_what_it_found() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (gpu, info) = any_gpu();
    let picture = folder.path().join("two.png").display().to_string();
    let small = ["--hidden", "8,2", "--steps", "12", "--oracle-steps", "2"];
    let on = |devices: &str, more: &[&str]| {
        wgvae(&[&["compare", "--devices", devices], &small[..], more].concat())
    };
    let output = on(&format!("{gpu},cpu"), &["--output", &picture])?;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    for said in [
        &format!("A  {}", info.name),
        "f64 oracle",
        "encoder.0.weight",
        "linear+bernoulli",
        "within 1e-5",
    ] {
        assert!(stdout(&output).contains(said), "{said}: {}", stdout(&output));
    }
    assert!(image::open(&picture)?.width() >= 1000);
    let output = on(&format!("cpu,{gpu}"), &["--tolerance", "0", "--json"])?;
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_str(&stdout(&output))?;
    assert_eq!(
        (found["ok"].as_bool(), found["steps"].as_array().map(Vec::len)),
        (Some(false), Some(12))
    );
    for (devices, more, said) in [
        ("cpu", &[][..], "--devices: expected two devices"),
        ("cpu,nonsense", &[], "no device matches \"nonsense\""),
        ("cpu,cpu", &["--output", "x.txt"], "ends with .png"),
        ("cpu,cpu", &["--batch", "0"], "--batch: expected 1 to 60000"),
    ] {
        let output = on(devices, more)?;
        assert_eq!(output.status.code(), Some(2), "{devices}");
        assert!(stderr(&output).contains(said), "{said}: {}", stderr(&output));
    }
    Ok(())
}

#[test]
fn curves_without_sense_are_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("two.png");
    for (one, other, said) in [
        (&[][..], &[][..], "found 0 and 0"),
        (&[1.0], &[1.0, 2.0], "found 1 and 2"),
        (&[1.0, f64::NAN], &[1.0, 2.0], "found NaN"),
    ] {
        let refused = device_curves(&path, "", ["a", "b"], [one, other], 1e-5);
        assert!(refused.is_err_and(|error| error.to_string().contains(said)), "{said}");
        assert!(!path.exists());
    }
    // Equal values, and zeros.
    device_curves(&path, "", ["a", "b"], [&[0.0, -5.0], &[0.0, -5.0]], 0.0)?;
    assert!(path.exists());
    Ok(())
}

/// Rows of a picture from top to bottom.
type Heights = Vec<u32>;

/// The columns of the label left of the lower frame at the lowest end of the line there, and the
/// heights of the line and of the tolerance's dashes.
fn lower_frame(
    elbo: [&[f64]; 2],
    tolerance: f64,
) -> Result<(usize, Heights, Heights), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("two.png");
    device_curves(&path, "", ["a", "b"], elbo, tolerance)?;
    let picture = image::open(&path)?.into_rgb8();
    assert_eq!(picture.width(), 1000);
    let (top, bottom) = (picture.height() - 72 - 200, picture.height() - 72);
    let is_frame = |x: &u32| (top..bottom).all(|y| picture.get_pixel(*x, y)[0] < 200);
    let left = (20..500).find(is_frame).ok_or("no frame")?;
    let rows = |is_of: &dyn Fn([u8; 3]) -> bool, least: usize| -> Vec<u32> {
        let count = |y: u32| (left + 3..970).filter(|&x| is_of(picture.get_pixel(x, y).0)).count();
        (top + 3..bottom - 3).filter(|&y| count(y) > least).collect()
    };
    let line = rows(&|p| p == [0, 114, 178], 0);
    let dashes = rows(&|[r, g, b]| r < 130 && r.abs_diff(g) < 20 && r.abs_diff(b) < 20, 200);
    let lowest = *line.last().ok_or("no line")?;
    let ink = (left - 50..left - 6).flat_map(|x| (lowest - 8..lowest + 8).map(move |y| (x, y)));
    let label = ink.filter(|&(x, y)| picture.get_pixel(x, y)[0] < 128).map(|(x, _)| x);
    let label: std::collections::BTreeSet<u32> = label.collect();
    Ok((label.len(), line, dashes))
}

#[test]
fn equal_steps_stand_at_a_mark_of_their_own() -> Outcome {
    let (one, other) = ([-100.0; 4], [-100.0, -100.0, -100.00001, -100.0]);
    let (zero, line, _) = lower_frame([&one, &other], 1e-5)?;
    // A digit, where a power of ten has three.
    assert!((4..=11).contains(&zero), "{zero} columns of a label");
    assert!(line.last() > line.first().map(|y| y + 60).as_ref(), "{line:?}");
    // Powers of ten alone where no step is equal.
    let (power, _, _) =
        lower_frame([&[-1.0, -1.0, -1.0], &[-1.000001, -1.00001, -1.000001]], 1e-5)?;
    assert!(power > 12, "{power} columns of a label");
    let (zero, line, _) = lower_frame([&one, &one], 1e-5)?;
    assert!((4..=11).contains(&zero) && line.len() < 6, "{zero} columns, {line:?}");
    Ok(())
}

#[test]
fn the_tolerance_is_a_line_at_its_height() -> Outcome {
    let curves: [&[f64]; 2] = [&[-1.0, -1.0, -1.0], &[-1.000001, -1.001, -1.000001]];
    let height = |tolerance: f64| -> Result<_, Box<dyn Error>> {
        let (_, line, dashes) = lower_frame(curves, tolerance)?;
        assert!((1..=3).contains(&dashes.len()), "{tolerance}: {dashes:?}");
        Ok((line[0], line[line.len() - 1], dashes[0]))
    };
    // From a thousandth of a thousandth to a thousandth.
    let (top, bottom, least) = height(1e-6)?;
    assert!(least.abs_diff(bottom) <= 3, "{least}, {bottom}");
    let (_, _, middle) = height(10_f64.powf(-4.5))?;
    assert!(middle.abs_diff(u32::midpoint(top, bottom)) <= 4, "{middle}: {top} to {bottom}");
    let (top, _, most) = height(1e-3)?;
    assert!(most.abs_diff(top) <= 3, "{most}, {top}");
    Ok(())
}

#[test]
fn the_first_step_that_is_timed_does_not_count() -> Outcome {
    let mut step = 0;
    // 0 ms, then 1, 2, … ms for each launch.
    let mut slow =
        Tampered::new(|cpu, program, steps| cpu.run(program, steps)).timed(move |timed| {
            for span in timed.steps.iter_mut().flatten() {
                *span = Span { began: Duration::ZERO, ended: Duration::from_millis(step) };
            }
            step += 1;
        });
    let mut cpu = CpuSession::<f32>::new();
    let found = compared([&mut slow, &mut cpu], true, 1e-5)?;
    let times: Vec<_> = found.kernels.iter().map(|kernel| kernel.ms[0]).collect();
    // The upper of the two in the middle of ten.
    assert!(times.iter().any(|&ms| (ms - 6.0).abs() < 1e-9), "{times:?}");
    assert!(times.iter().all(|ms| (ms / 6.0).fract().abs() < 1e-9), "{times:?}");
    Ok(())
}
