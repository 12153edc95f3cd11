//! Loops that apply a rule to rows of weights.

use super::{Formula, Optimizer, Rates};
use crate::function::{Number, Runner, Stored};
use std::array::from_fn;
use std::marker::PhantomData;

/// Numbers that are updated at once.
const LANES: usize = 16;

/// A rectangle of a parameter's gradients.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a, T> {
    /// Row-major gradients with stride `pitch`; entries past `columns` are unspecified.
    pub gradients: &'a [T],
    /// Distance from a row of gradients to the next.
    pub pitch: usize,
    /// Number of columns.
    pub columns: usize,
    /// Index of the first weight.
    pub first: usize,
    /// Distance from a row of weights to the next.
    pub stride: usize,
}

impl<'a, T> Block<'a, T> {
    /// Returns the block of a whole parameter.
    pub fn whole(gradients: &'a [T]) -> Self {
        let columns = gradients.len();
        Self { gradients, pitch: columns, columns, first: 0, stride: columns }
    }
}

/// A function that updates the weights of a block and their states, which have the same indices.
pub type Loop<T> = fn(Optimizer, Rates<f64>, Block<T>, weights: &mut [T], states: &mut [&mut [T]]);

/// Runs the loop of `F` in numbers `N`, stored as `T`.
pub(super) fn update<F, const STATES: usize, const COEFFICIENTS: usize, N, T, R>(
    optimizer: Optimizer,
    rates: Rates<f64>,
    block: Block<T>,
    weights: &mut [T],
    states: &mut [&mut [T]],
) where
    F: Formula<STATES, COEFFICIENTS>,
    N: Number,
    T: Stored<N>,
    R: Runner,
{
    let Ok(states) = <&mut [&mut [T]; STATES]>::try_from(states) else {
        unreachable!("as many states as the rule has")
    };
    let numbers = Numbers::<F, STATES, COEFFICIENTS, N> {
        coefficients: optimizer.values().map(N::of),
        rates: rates.map(N::of),
        formula: PhantomData,
    };
    R::run(
        #[inline(always)]
        || {
            for (row, gradients) in block.gradients.chunks(block.pitch).enumerate() {
                let first = block.first + row * block.stride;
                let places = first..first + block.columns;
                let weights = &mut weights[places.clone()];
                let states = states.each_mut().map(|state| &mut state[places.clone()]);
                numbers.update_row(&gradients[..block.columns], weights, states);
            }
        },
    );
}

/// Values that all weights of a step share.
struct Numbers<F, const STATES: usize, const COEFFICIENTS: usize, N> {
    coefficients: [N; COEFFICIENTS],
    rates: Rates<N>,
    formula: PhantomData<F>,
}

impl<F, const STATES: usize, const COEFFICIENTS: usize, N> Numbers<F, STATES, COEFFICIENTS, N>
where
    F: Formula<STATES, COEFFICIENTS>,
    N: Number,
{
    #[inline(always)]
    fn update_row<T: Stored<N>>(
        &self,
        gradients: &[T],
        weights: &mut [T],
        mut states: [&mut [T]; STATES],
    ) {
        let done = self.update_lanes::<T, LANES>(0, gradients, weights, &mut states);
        let done = self.update_lanes::<T, { LANES / 2 }>(done, gradients, weights, &mut states);
        self.update_lanes::<T, 1>(done, gradients, weights, &mut states);
    }

    /// Updates the weights from `start` on, `LANES` at once, and returns the index of the first
    /// remaining one.
    #[inline(always)]
    fn update_lanes<T: Stored<N>, const LANES: usize>(
        &self,
        mut start: usize,
        gradients: &[T],
        weights: &mut [T],
        states: &mut [&mut [T]; STATES],
    ) -> usize {
        while start + LANES <= gradients.len() {
            // Local copies tell the compiler that the slices do not alias.
            // Of a length that the compiler knows, so that no lane is checked.
            let lanes = |values: &[T]| -> [T; LANES] {
                let values = &values[start..][..LANES];
                from_fn(|lane| values[lane])
            };
            let (gradient, mut weight) = (lanes(gradients), lanes(weights));
            let mut state: [[T; LANES]; STATES] = from_fn(|index| lanes(states[index]));
            for lane in 0..LANES {
                let before = from_fn(|index| state[index][lane].load());
                let gradient = gradient[lane].load() * self.rates.gradient_scale;
                let (coefficients, rates) = (self.coefficients, self.rates);
                let new = F::update(coefficients, rates, weight[lane].load(), gradient, before);
                weight[lane] = T::store(new.0);
                for (state, new) in state.iter_mut().zip(new.1) {
                    state[lane] = T::store(new);
                }
            }
            weights[start..][..LANES].copy_from_slice(&weight);
            for (state, new) in states.iter_mut().zip(&state) {
                state[start..][..LANES].copy_from_slice(new);
            }
            start += LANES;
        }
        start
    }
}
