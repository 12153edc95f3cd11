//! The number types of the twins.

use num_traits::Float;

/// f32 or f64.
pub trait Real: Float + Default + Send + Sync + 'static {
    /// The nearest value.
    fn of(value: f64) -> Self;
    /// The same value in f64.
    fn get(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }

    fn get(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn get(self) -> f64 {
        self
    }
}
