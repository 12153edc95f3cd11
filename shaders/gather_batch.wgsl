// x [batch, COLUMNS]: the images that the indices name from first_row on, binarised. The data set
// holds four bytes a word, the first in the lowest bits. Past the end of the indices, the last
// image again.

override COLUMNS: u32;
override BINARIZE: u32; // 0 threshold, 1 stochastic, 2 none
override STREAM: u32;

@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

fn binarized(byte: u32, row: u32, column: u32) -> f32 {
    if BINARIZE == 0u {
        return select(0.0, 1.0, byte > 127u);
    }
    if BINARIZE == 1u {
        let random = words(STREAM, row, column / 4u);
        return select(0.0, 1.0, (random[column % 4u] >> 8u) * 255u < byte << 24u);
    }
    return f32(byte) / 255.0;
}

@compute @workgroup_size(WORKGROUP)
fn gather_batch(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&x) {
        return;
    }
    let row = step.first_row + i / COLUMNS;
    let column = i % COLUMNS;
    let image = indices[min(row, arrayLength(&indices) - 1u)];
    let at = image * COLUMNS + column;
    let byte = (data[at / 4u] >> (8u * (at % 4u))) & 0xFFu;
    x[i] = binarized(byte, row, column);
}
