//! Progress display of a run.

use super::shared::say;
use super::terminal::{progress_target, shows_progress};
use crate::Result;
use crate::data::{HeldOut, Split};
use crate::train::{Config, EpochReport, Report, StepReport};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;

/// A bar on stderr if that is a terminal, and a line per epoch on stdout.
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
                // The bar cannot report a failed write.
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
            // For a resumed run, the rate does not include earlier steps.
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
        self.bar.suspend(|| say(epoch_line(report, self.epochs)))
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Formats the results of an epoch in at most 78 characters.
fn epoch_line(report: &EpochReport, epochs: u32) -> String {
    let digits = epochs.to_string().len();
    let EpochReport { epoch, train, test, held_out, seconds, .. } = report;
    let held_out = match held_out {
        HeldOut::Test => "test",
        HeldOut::Validation => "valid",
    };
    let seconds = if *seconds < 1e3 { format!("{seconds:.1}") } else { format!("{seconds:.0}") };
    let [train, elbo, log_likelihood, kl] =
        [train.elbo, test.elbo, test.log_likelihood, test.kl].map(nats);
    format!(
        "{epoch:>digits$}/{epochs}  train {train:>7}  {held_out} {elbo:>7}  LL {log_likelihood:>7}  \
         KL {kl:>5}  {seconds} s"
    )
}

/// Formats a number with two digits after the point, or as many as fit into seven characters.
fn nats(value: f64) -> String {
    let forms = [format!("{value:.2}"), format!("{value:.1}"), format!("{value:.0}")];
    let short = forms.into_iter().find(|form| form.len() <= 7);
    short.unwrap_or_else(|| format!("{value:.1e}"))
}

#[cfg(test)]
mod tests {
    use super::{epoch_line, nats};
    use crate::data::HeldOut;
    use crate::eval::{Measures, Units};
    use crate::train::EpochReport;

    fn report(epoch: u32, nats: [f64; 4], seconds: f64) -> EpochReport {
        let [train, elbo, log_likelihood, kl] = nats;
        let test = Measures { elbo, log_likelihood, kl };
        let train = Measures { elbo: train, ..Measures::default() };
        EpochReport {
            epoch,
            train,
            test,
            units: Units::default(),
            held_out: HeldOut::Test,
            images: 60_000,
            learning_rate: 0.001,
            kl_weight: 1.0,
            seconds,
        }
    }

    #[test]
    fn an_epochs_line_fits_80_columns() {
        let usual = report(1, [-185.84, -140.11, -112.37, 27.74], 1.41);
        assert_eq!(
            epoch_line(&usual, 30),
            " 1/30  train -185.84  test -140.11  LL -112.37  KL 27.74  1.4 s"
        );
        for scale in [1.0, 1e3, 1e7, 1e30] {
            let nats = [-185.84, -140.11, -112.37, 27.74].map(|nats| nats * scale);
            for held_out in [HeldOut::Test, HeldOut::Validation] {
                let report = EpochReport { held_out, ..report(100_000, nats, 1e5) };
                let line = epoch_line(&report, 100_000);
                assert!(line.len() <= 78, "{line}");
            }
        }
    }

    #[test]
    fn numbers_lose_digits_before_they_get_wider() {
        let found = [-112.37, -1422.02, -12_345.67, -123_456.7, -12_345_678.0].map(nats);
        assert_eq!(found, ["-112.37", "-1422.0", "-12346", "-123457", "-1.2e7"]);
    }
}
