//! What a user sees of a run under way.

use super::shared::say;
use super::terminal::{progress_target, shows_progress};
use crate::Result;
use crate::data::Split;
use crate::train::{Config, EpochReport, Report, StepReport};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;

/// A bar on stderr if that is a terminal, a line an epoch on stdout.
pub(super) struct Progress {
    bar: ProgressBar,
    epochs: u32,
    batch: u64,
}

impl Progress {
    pub(super) fn new(config: &Config, data: &Split) -> Self {
        let batch = config.batch as u64;
        let images = data.train.len() as u64 / batch.max(1) * batch * u64::from(config.epochs);
        let bar = ProgressBar::with_draw_target(Some(images), progress_target());
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {wide_bar} {rate} images/s, {eta} left")
        {
            bar.set_style(style.with_key("rate", |state: &ProgressState, to: &mut dyn Write| {
                // The bar has nobody to report a failed write to.
                let _ = write!(to, "{:.0}", state.per_sec());
            }));
        }
        Self { bar, epochs: config.epochs, batch }
    }

    pub(super) fn tell(&self, report: &Report) -> Result<()> {
        match report {
            Report::Step(step) => self.step(step),
            Report::Kernels(_) => {}
            Report::Epoch(epoch) => self.epoch(epoch)?,
        }
        Ok(())
    }

    fn step(&self, report: &StepReport) {
        if self.bar.position() == 0 {
            // Of a run that goes on, its rate has nothing to do with what was before.
            self.bar.set_position((report.step - 1) * self.batch);
            self.bar.reset_eta();
        }
        self.bar.set_position(report.step * self.batch);
        self.bar
            .set_message(format!("epoch {}/{} ELBO {:.2}", report.epoch, self.epochs, report.elbo));
    }

    fn epoch(&self, report: &EpochReport) -> Result<()> {
        if !shows_progress() {
            return Ok(());
        }
        self.bar.suspend(|| {
            say(format!(
                "epoch {:>3}/{}  train ELBO {:8.2}  test ELBO {:8.2} (log-likelihood {:.2}, KL {:.2})  \
                 {:.2} s  {:.0} images/s",
                report.epoch,
                self.epochs,
                report.train.elbo,
                report.test.elbo,
                report.test.log_likelihood,
                report.test.kl,
                report.seconds,
                report.images_per_second(),
            ))
        })
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
