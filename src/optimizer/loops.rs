//! Loops that apply a rule to rows of weights.

use super::{Constants, Formula, Rates};
use crate::function::{Number, Runner, Stored};
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

/// A function that updates the weights of a block and their states, which have the same indices, with the
/// [coefficients](super::Rule::prepare) of a rule.
pub type Loop<T> = fn(&Constants, Rates<f64>, Block<T>, weights: &mut [T], states: &mut [&mut [T]]);

/// Runs the loop of `F` in numbers `N`, stored as `T`.
pub(super) fn update<F, const STATES: usize, const COEFFICIENTS: usize, N, T, R>(
    coefficients: &Constants,
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
        coefficients: std::array::from_fn(|index| N::of(coefficients[index])),
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
        while let (Some(gradient), Some(weights)) =
            (gradients[start..].first_chunk::<LANES>(), weights[start..].first_chunk_mut::<LANES>())
        {
            // Local copies tell the compiler that the slices do not alias.
            let mut weight = *weights;
            let mut state = [weight; STATES];
            for (state, states) in state.iter_mut().zip(&*states) {
                state.copy_from_slice(&states[start..][..LANES]);
            }
            for lane in 0..LANES {
                let mut before = [N::of(0.0); STATES];
                for (before, state) in before.iter_mut().zip(&state) {
                    *before = state[lane].load();
                }
                let gradient = gradient[lane].load() * self.rates.gradient_scale;
                let (coefficients, rates) = (self.coefficients, self.rates);
                let new = F::update(coefficients, rates, weight[lane].load(), gradient, before);
                weight[lane] = T::store(new.0);
                for (state, new) in state.iter_mut().zip(new.1) {
                    state[lane] = T::store(new);
                }
            }
            *weights = weight;
            for (states, state) in states.iter_mut().zip(&state) {
                states[start..][..LANES].copy_from_slice(state);
            }
            start += LANES;
        }
        start
    }
}
