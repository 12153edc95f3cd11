// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011): the same words as cpu::philox.

#import common/arguments

const PHILOX_WEYL = vec2u(0x9E3779B9u, 0xBB67AE85u);

// Low and high word of a product, from 16-bit halves: WGSL has no 64-bit integers.
fn multiply_wide(a: u32, b: u32) -> vec2u {
    let a_low = a & 0xFFFFu;
    let a_high = a >> 16u;
    let b_low = b & 0xFFFFu;
    let b_high = b >> 16u;
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 16u);
    let carry = a_low * b_high + (middle & 0xFFFFu);
    return vec2u(a * b, a_high * b_high + (middle >> 16u) + (carry >> 16u));
}

fn philox(start: vec4u, start_key: vec2u) -> vec4u {
    var counter = start;
    var key = start_key;
    for (var round = 0u; round < 10u; round++) {
        let x = multiply_wide(0xD2511F53u, counter.x);
        let z = multiply_wide(0xCD9E8D57u, counter.z);
        counter = vec4u(z.y ^ counter.y ^ key.x, z.x, x.y ^ counter.w ^ key.y, x.x);
        key += PHILOX_WEYL;
    }
    return counter;
}

// The random words of columns 4·block to 4·block + 3 of a row.
fn words(stream: u32, row: u32, block: u32) -> vec4u {
    return philox(vec4u(block, row, args.index, stream), vec2u(args.seed_low, args.seed_high));
}
