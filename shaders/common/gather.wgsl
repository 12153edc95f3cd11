// x [rows, COLUMNS]: the images that the indices name from first_row on, binarised. The data set
// holds four bytes a word, the first in the lowest bits. Past the end of the indices, the last
// image again. The kernel's own file binds data, indices and x.

override COLUMNS: u32;
override BINARIZE: u32; // 0 threshold, 1 stochastic, 2 none
override BINARIZE_STREAM: u32;

fn binarized(byte: u32, row: u32, column: u32) -> f32 {
    if BINARIZE == 0u {
        return select(0.0, 1.0, byte > 127u);
    }
    if BINARIZE == 1u {
        let random = words(BINARIZE_STREAM, row, column / 4u);
        return select(0.0, 1.0, (random[column % 4u] >> 8u) * 255u < byte << 24u);
    }
    return f32(byte) / 255.0;
}

// The element of this index.
fn gather(i: u32) {
    let row = step.first_row + i / COLUMNS;
    let column = i % COLUMNS;
    let image = indices[min(row, arrayLength(&indices) - 1u)];
    let at = image * COLUMNS + column;
    let byte = (data[at / 4u] >> (8u * (at % 4u))) & 0xFFu;
    x[i] = binarized(byte, row, column);
}
