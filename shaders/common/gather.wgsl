// x [rows, COLUMNS]: the images at the indices from first_row on, binarised. A word of the data set
// has the bits of an f32 from 0 to 1, or four bytes, the first in the lowest bits. Past the end of
// the indices, the last image is repeated. The kernel's own file binds data, indices and x.

#import common/philox

override COLUMNS: u32;
override REALS: u32; // 0 bytes, 1 reals
override BINARIZE: u32; // 0 threshold, 1 stochastic, 2 none
override BINARIZE_STREAM: u32;

// A random number below 2^24.
fn uniform_bits(row: u32, column: u32) -> u32 {
    let random = words(BINARIZE_STREAM, row, column / 4u);
    return random[column % 4u] >> 8u;
}

fn of_byte(byte: u32, row: u32, column: u32) -> f32 {
    if BINARIZE == 0u {
        return select(0.0, 1.0, byte > 127u);
    }
    if BINARIZE == 1u {
        return select(0.0, 1.0, uniform_bits(row, column) * 255u < byte << 24u);
    }
    return f32(byte) / 255.0;
}

fn of_real(real: f32, row: u32, column: u32) -> f32 {
    if BINARIZE == 0u {
        return select(0.0, 1.0, real > 0.5);
    }
    if BINARIZE == 1u {
        return select(0.0, 1.0, f32(uniform_bits(row, column)) * (1.0 / 16777216.0) < real);
    }
    return real;
}

// Computes element i.
fn gather(i: u32) {
    let row = args.first_row + i / COLUMNS;
    let column = i % COLUMNS;
    let image = indices[min(row, arrayLength(&indices) - 1u)];
    let at = image * COLUMNS + column;
    if REALS == 1u {
        x[i] = of_real(bitcast<f32>(data[at]), row, column);
    } else {
        x[i] = of_byte((data[at / 4u] >> (8u * (at % 4u))) & 0xFFu, row, column);
    }
}
