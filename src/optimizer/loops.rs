//! Loops that apply a rule to rows of weights.

use super::{Constants, Formula, Rates};
use crate::function::{Lanes, Number};
use crate::vectors::{arch, vectorized};
use pulp::{Simd, WithSimd};
use std::array::from_fn;
use std::marker::PhantomData;
use std::ops::Range;

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

    /// Returns each row's gradients, and the places of its weights.
    fn rows(self) -> impl Iterator<Item = (&'a [T], Range<usize>)> {
        let Self { gradients, pitch, columns, first, stride } = self;
        gradients.chunks(pitch).enumerate().map(move |(row, gradients)| {
            let first = first + row * stride;
            (&gradients[..columns], first..first + columns)
        })
    }
}

/// A function that updates the weights of a block and their states, which have the same indices, with the
/// [coefficients](super::Rule::prepare) of a rule.
pub type Loop<T> = fn(&Constants, Rates<f64>, Block<T>, weights: &mut [T], states: &mut [&mut [T]]);

/// Runs the rule `F` one weight after the other.
pub(super) fn update<F, const STATES: usize, const COEFFICIENTS: usize, N>(
    coefficients: &Constants,
    rates: Rates<f64>,
    block: Block<N>,
    weights: &mut [N],
    states: &mut [&mut [N]],
) where
    F: Formula<STATES, COEFFICIENTS>,
    N: Number,
{
    let coefficients = from_fn(|index| N::of(coefficients[index]));
    let rates = rates.map(N::of);
    let states = as_many::<_, STATES>(states);
    for (gradients, places) in block.rows() {
        for (&gradient, at) in gradients.iter().zip(places) {
            let before = states.each_ref().map(|state| state[at]);
            let gradient = gradient * rates.gradient_scale;
            let (weight, after) = F::update(coefficients, rates, weights[at], gradient, before);
            weights[at] = weight;
            states.iter_mut().zip(after).for_each(|(state, after)| state[at] = after);
        }
    }
}

/// Runs the rule `F` with the CPU's vectors.
pub(super) fn update_vectors<F, const STATES: usize, const COEFFICIENTS: usize>(
    coefficients: &Constants,
    rates: Rates<f64>,
    block: Block<f32>,
    weights: &mut [f32],
    states: &mut [&mut [f32]],
) where
    F: Formula<STATES, COEFFICIENTS>,
{
    let states = as_many(states);
    let formula = PhantomData;
    arch().dispatch(Vectors::<F, STATES, COEFFICIENTS> {
        coefficients,
        rates,
        block,
        weights,
        states,
        formula,
    });
}

/// Returns the states of a rule, which has this many.
fn as_many<'a, 'b, T, const STATES: usize>(
    states: &'a mut [&'b mut [T]],
) -> &'a mut [&'b mut [T]; STATES] {
    states.try_into().unwrap_or_else(|_| unreachable!("as many states as the rule has"))
}

/// The arguments of a [`Loop`].
struct Vectors<'a, 'b, F, const STATES: usize, const COEFFICIENTS: usize> {
    coefficients: &'a Constants,
    rates: Rates<f64>,
    block: Block<'a, f32>,
    weights: &'a mut [f32],
    states: &'a mut [&'b mut [f32]; STATES],
    formula: PhantomData<F>,
}

impl<F, const STATES: usize, const COEFFICIENTS: usize> WithSimd
    for Vectors<'_, '_, F, STATES, COEFFICIENTS>
where
    F: Formula<STATES, COEFFICIENTS>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, states, .. } = self;
        let splat = |number: f64| Lanes::splat(simd, number as f32);
        let coefficients: [_; COEFFICIENTS] = from_fn(|index| splat(self.coefficients[index]));
        let rule = Rule { simd, coefficients, rates: self.rates.map(splat), formula: self.formula };
        for (gradients, places) in self.block.rows() {
            let (gradients, last_gradients) = S::as_simd_f32s(gradients);
            let (weights, last_weights) = S::as_mut_simd_f32s(&mut weights[places.clone()]);
            let mut states = states.each_mut().map(
                #[inline(always)]
                |state| S::as_mut_simd_f32s(&mut state[places.clone()]),
            );
            for (index, (weight, &gradient)) in weights.iter_mut().zip(gradients).enumerate() {
                let before = from_fn(
                    #[inline(always)]
                    |state| states[state].0[index],
                );
                let (new, after) = rule.update(*weight, gradient, before);
                *weight = new.values();
                for (state, after) in states.iter_mut().zip(after) {
                    state.0[index] = after.values();
                }
            }
            if !last_weights.is_empty() {
                let before = from_fn(
                    #[inline(always)]
                    |state| simd.partial_load_f32s(states[state].1),
                );
                let weight = simd.partial_load_f32s(last_weights);
                let gradient = simd.partial_load_f32s(last_gradients);
                let (new, after) = rule.update(weight, gradient, before);
                simd.partial_store_f32s(last_weights, new.values());
                for (state, after) in states.iter_mut().zip(after) {
                    simd.partial_store_f32s(state.1, after.values());
                }
            }
        }
    }
}

/// The rule `F` in vectors.
struct Rule<F, S: Simd, const COEFFICIENTS: usize> {
    simd: S,
    coefficients: [Lanes<S>; COEFFICIENTS],
    rates: Rates<Lanes<S>>,
    formula: PhantomData<F>,
}

impl<F, S: Simd, const COEFFICIENTS: usize> Rule<F, S, COEFFICIENTS> {
    /// Returns the new weights and states. Only what is inlined is compiled for the vectors.
    #[inline(always)]
    fn update<const STATES: usize>(
        &self,
        weight: S::f32s,
        gradient: S::f32s,
        before: [S::f32s; STATES],
    ) -> (Lanes<S>, [Lanes<S>; STATES])
    where
        F: Formula<STATES, COEFFICIENTS>,
    {
        let Self { simd, coefficients, rates, .. } = *self;
        let gradient = Lanes::new(simd, gradient) * rates.gradient_scale;
        let before = before.map(
            #[inline(always)]
            |before| Lanes::new(simd, before),
        );
        F::update(coefficients, rates, Lanes::new(simd, weight), gradient, before)
    }
}

/// Moves the averages of a block's weights by the share `gain` of the distance to the weights.
pub(super) fn average<T: Number>(gain: f64, block: Block<T>, weights: &[T], averages: &mut [T]) {
    let gain = T::of(gain);
    vectorized(
        #[inline(always)]
        || {
            for (_, places) in block.rows() {
                let both = averages[places.clone()].iter_mut().zip(&weights[places]);
                both.for_each(|(average, &weight)| {
                    *average = *average + (weight - *average) * gain
                });
            }
        },
    );
}
