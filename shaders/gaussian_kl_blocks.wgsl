// blocks [rows, COLUMNS / 4], rounded up: the KL divergence of four columns each; an invocation a
// block.

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> mean: array<f32>;
@group(0) @binding(1) var<storage, read_write> stddev: array<f32>;
@group(0) @binding(2) var<storage, read_write> blocks: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn gaussian_kl_blocks(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let block = flat_index(id, groups);
    if block >= arrayLength(&blocks) {
        return;
    }
    let blocks_of_row = (COLUMNS + 3u) / 4u;
    let row = block / blocks_of_row;
    let first = block % blocks_of_row * 4u;
    var sum = 0.0;
    for (var column = first; column < min(first + 4u, COLUMNS); column++) {
        let i = row * COLUMNS + column;
        sum += kl_of(mean[i], stddev[i]);
    }
    blocks[block] = sum;
}
