//! The gradient of the encoder's output: back through the decoder's first product, the sample and
//! the KL divergence.

use super::math::softplus_and_sigmoid;
use super::transposed::Transposed;
use super::{Part, Tile, vectorized};
use crate::graph::{Fusion, Op, Step};
use crate::kernel::{Call, Operand};

/// dy, weight, eps, mean, stddev, s -> dmean and ds, side by side.
pub(super) fn latent_backward(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let Op::Fused(Fusion::LatentBackward { dkl }) = call.op else {
        unreachable!("the kernel is for this op")
    };
    let [_, latent, _] = call.mnk();
    let [eps, mean, stddev, s] = [2, 3, 4, 5].map(|input| inputs[input].reals());
    let gradients = &mut *outputs[0];
    // dz, where dmean will be.
    Transposed::of(call, inputs).run(&mut |tile: Tile| {
        for (row, sums) in tile.rows() {
            gradients[2 * row * latent + tile.column..][..sums.len()].copy_from_slice(sums);
        }
    });
    vectorized(
        #[inline(always)]
        || {
            for (row, gradients) in gradients.chunks_exact_mut(2 * latent).enumerate() {
                let (dmean, ds) = gradients.split_at_mut(latent);
                let of_row = |values| &<[f32]>::as_ref(values)[row * latent..][..latent];
                let [eps, mean, stddev, s] = [eps, mean, stddev, s].map(of_row);
                for ((ds, &dz), (&stddev, (&s, &eps))) in
                    ds.iter_mut().zip(&*dmean).zip(stddev.iter().zip(s.iter().zip(eps)))
                {
                    let dstddev = dkl * (stddev - 1.0 / stddev) + dz * eps;
                    *ds = dstddev * softplus_and_sigmoid(s).1;
                }
                dmean.iter_mut().zip(mean).for_each(|(d, mean)| *d += dkl * mean);
            }
        },
    );
}
