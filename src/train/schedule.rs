//! Numbers that change during training, as functions of the position in it, so that a resumed run
//! has the same.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the learning rate changes: a factor by the number of finished epochs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// `factor` to the power of the number of milestones that are behind.
    Step {
        /// Increasing numbers of epochs.
        milestones: Vec<u32>,
        /// Factor at each milestone.
        factor: f64,
    },
    /// From 1 at the beginning to `floor` at the end, along half a cosine (Loshchilov and Hutter,
    /// "SGDR", 2017, without restarts).
    Cosine {
        /// Factor at the end of the last epoch.
        #[serde(default)]
        floor: f64,
    },
    /// The factor of each stage in turn; that of the last one remains.
    Stages {
        /// The stages.
        stages: Vec<Stage>,
    },
}

/// A part of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Length in epochs.
    pub epochs: u32,
    /// Factor of the learning rate.
    pub factor: f64,
}

impl Schedule {
    /// Returns the factor after `epoch` epochs of `epochs`.
    pub fn factor(&self, epoch: f64, epochs: u32) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Step { milestones, factor } => {
                let behind = milestones.iter().filter(|&&at| f64::from(at) <= epoch).count();
                factor.powi(behind as i32)
            }
            Self::Cosine { floor } => {
                let share = (epoch / f64::from(epochs)).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
            Self::Stages { stages } => {
                let mut end = 0.0;
                let mut ends = stages.iter().map(|stage| {
                    end += f64::from(stage.epochs);
                    (end, stage.factor)
                });
                let now = ends.find(|&(end, _)| epoch < end).map(|(_, factor)| factor);
                now.or(stages.last().map(|stage| stage.factor)).unwrap_or(1.0)
            }
        }
    }

    /// Returns the epochs after which the factor jumps.
    pub fn jumps(&self) -> Vec<u32> {
        match self {
            Self::Constant | Self::Cosine { .. } => Vec::new(),
            Self::Step { milestones, .. } => milestones.clone(),
            Self::Stages { stages } => {
                let ends = stages.iter().scan(0_u32, |end, stage| {
                    *end = end.saturating_add(stage.epochs);
                    Some(*end)
                });
                // After the last stage, its factor remains.
                ends.take(stages.len().saturating_sub(1)).collect()
            }
        }
    }

    /// Checks the schedule's numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] if a factor is not above 0 or not finite, milestones do not increase, or
    /// there is no stage.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |expected: &str, found: String| {
            let expected = expected.to_owned();
            Err(Error::Setting { setting: "schedule", expected, found })
        };
        let is_factor = |factor: f64| factor > 0.0 && factor.is_finite();
        match self {
            Self::Constant => Ok(()),
            Self::Step { milestones, factor } => {
                if milestones.is_empty()
                    || milestones[0] == 0
                    || !milestones.is_sorted_by(|a, b| a < b)
                {
                    let expected =
                        "one or more milestones: increasing numbers of epochs, from 1 on";
                    return wrong(expected, format!("{milestones:?}"));
                }
                match is_factor(*factor) {
                    true => Ok(()),
                    false => wrong("a factor above 0", factor.to_string()),
                }
            }
            Self::Cosine { floor } => match (0.0..=1.0).contains(floor) {
                true => Ok(()),
                false => wrong("a floor from 0 to 1", floor.to_string()),
            },
            Self::Stages { stages } => {
                let is_stage = |stage: &Stage| stage.epochs > 0 && is_factor(stage.factor);
                match stages.iter().find(|stage| !is_stage(stage)) {
                    None if stages.is_empty() => wrong("one or more stages", "none".to_owned()),
                    None => Ok(()),
                    Some(Stage { epochs, factor }) => {
                        let expected = "stages of 1 or more epochs with a factor above 0";
                        wrong(expected, format!("{epochs} epochs with {factor}"))
                    }
                }
            }
        }
    }
}

/// Returns a factor that rises linearly from 0 to 1 over the first `length` epochs.
pub(super) fn ramp(epoch: f64, length: f64) -> f64 {
    if length > 0.0 { (epoch / length).min(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_those_of_the_definition() {
        let step = Schedule::Step { milestones: vec![2, 5], factor: 0.5 };
        let stage = |epochs, factor| Stage { epochs, factor };
        let stages = Schedule::Stages { stages: vec![stage(1, 1.0), stage(3, 0.25)] };
        let cosine = Schedule::Cosine { floor: 0.2 };
        for (schedule, at) in [
            (Schedule::Constant, [(0.0, 1.0), (9.0, 1.0)]),
            (step.clone(), [(1.99, 1.0), (2.0, 0.5)]),
            (step, [(4.99, 0.5), (7.0, 0.25)]),
            (stages.clone(), [(0.99, 1.0), (1.0, 0.25)]),
            (stages, [(3.99, 0.25), (100.0, 0.25)]),
            (cosine.clone(), [(0.0, 1.0), (5.0, 0.6)]),
            (cosine, [(10.0, 0.2), (12.0, 0.2)]),
        ] {
            schedule.check().unwrap_or_else(|error| panic!("{error}"));
            for (epoch, factor) in at {
                let found = schedule.factor(epoch, 10);
                assert!((found - factor).abs() < 1e-15, "{schedule:?} after {epoch}: {found}");
            }
        }
    }

    #[test]
    fn a_ramp_ends_at_1() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(|epoch| ramp(epoch, 2.0)), [0.0, 0.5, 1.0, 1.0]);
        assert_eq!(ramp(0.0, 0.0), 1.0);
    }
}
