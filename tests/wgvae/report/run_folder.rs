//! `elbo.png` of a run that is under way.

use std::fs;

use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::eval::Measures;
use wgvae::random::pixels;
use wgvae::report::{Curve, EpochPoint, StepPoint, elbo_curve};
use wgvae::train::{Config, Report, Run};

use super::{Outcome, curve};

#[test]
fn the_chart_is_there_after_each_epoch_with_its_batches() -> Outcome {
    let size = Size::new(6, 6).ok_or("a size")?;
    let images = |count: usize, seed| {
        let levels = Levels::Bytes(pixels(count * 36, seed));
        Dataset::new(levels, size)
    };
    let data = Split::new(images(640, 1)?, images(20, 2)?);
    let config = Config { hidden: vec![5, 2], epochs: 3, batch: 5, ..Config::default() };
    let folder = tempfile::tempdir()?;
    let chart = folder.path().join("elbo.png");
    let (mut points, mut steps, mut seen) = (Vec::new(), Vec::new(), 0);
    let run = Run::new(&config, &data, folder.path());
    let expected = |points: &[EpochPoint], steps: &[StepPoint]| {
        elbo_curve(&chart, &Curve { title: "36-[5, 2] on mnist", ..curve(points, steps) })
            .map(|png| png.bytes)
    };
    run.begin(&mut CpuSession::<f32>::new(), |report| {
        match report {
            Report::Step(step) if step.step % 100 == 0 => {
                let measures =
                    Measures { elbo: step.elbo, log_likelihood: step.log_likelihood, kl: step.kl };
                steps.push(StepPoint { epoch: step.step as f64 / 128.0, measures });
            }
            Report::Epoch(epoch) => {
                // Of the epochs before this one.
                let before = steps.iter().filter(|step| step.epoch < f64::from(epoch.epoch - 1));
                let before: Vec<_> = before.copied().collect();
                if !points.is_empty() {
                    let found = fs::read(&chart).unwrap_or_default();
                    seen += usize::from(found == expected(&points, &before)?);
                }
                points.push(EpochPoint {
                    epoch: epoch.epoch,
                    train: epoch.train,
                    test: epoch.test,
                });
            }
            _ => {}
        }
        Ok(())
    })?;
    assert_eq!((seen, steps.len()), (2, 3), "charts that were there before the next epoch's end");
    // The file of metrics has the terms of an epoch's ELBO in another form.
    assert!(fs::read(&chart)? == expected(&points, &steps)?);
    Ok(())
}
