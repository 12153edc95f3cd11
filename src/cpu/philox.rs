//! Philox4x32-10, the counter-based random number generator of Salmon, Moraes, Dror and Shaw,
//! "Parallel Random Numbers: As Easy as 1, 2, 3" (2011). The words for an element depend only on
//! the seed, the step and the element's place, so they are the same on every device, for every
//! workgroup size, and after a resumption.

use crate::graph::Stream;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Four random words for a counter and a key.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [low_0, high_0] = multiply(MULTIPLIERS[0], counter[0]);
        let [low_1, high_1] = multiply(MULTIPLIERS[1], counter[2]);
        counter = [high_1 ^ counter[1] ^ key[0], low_1, high_0 ^ counter[3] ^ key[1], low_0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// The random words of columns `4·block` to `4·block + 3` of a row.
pub fn words(seed: u64, step: u32, stream: Stream, row: u32, block: u32) -> [u32; 4] {
    philox([block, row, step, stream as u32], [seed as u32, (seed >> 32) as u32])
}

fn multiply(a: u32, b: u32) -> [u32; 2] {
    let product = u64::from(a) * u64::from(b);
    [product as u32, (product >> 32) as u32]
}
