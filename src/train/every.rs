//! Intervals of repeated actions.

use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// An interval in steps or seconds: `500` or `60s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Every {
    /// Steps, counted over all epochs.
    Steps(NonZeroU32),
    /// Seconds since the last time.
    Seconds(NonZeroU32),
}

impl Every {
    /// Returns the number of steps from `step` to the next action.
    pub fn steps_from(self, step: u32) -> u32 {
        match self {
            Self::Steps(steps) => steps.get() - step % steps,
            Self::Seconds(_) => u32::MAX,
        }
    }

    /// Whether the action is due after this time.
    pub fn is_due(self, since: Duration) -> bool {
        match self {
            Self::Steps(_) => false,
            Self::Seconds(seconds) => since >= Duration::from_secs(seconds.get().into()),
        }
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, kind): (_, fn(_) -> _) = match text.strip_suffix('s') {
            Some(seconds) => (seconds, Self::Seconds),
            None => (text, Self::Steps),
        };
        let wrong =
            |_| format!("expected steps, such as 500, or seconds, such as 60s, found {text:?}");
        number.parse().map(kind).map_err(wrong)
    }
}

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Every> for String {
    fn from(every: Every) -> Self {
        every.to_string()
    }
}

impl Display for Every {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps}"),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
        }
    }
}
