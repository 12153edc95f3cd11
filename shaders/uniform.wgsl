// draws [rows, COLUMNS] from the multiples of 2^-24 in [0, 1): one invocation per element.

#import common/grid
#import common/philox

override COLUMNS: u32;
override STREAM: u32;

@group(0) @binding(0) var<storage, read_write> draws: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn uniform_draw(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&draws) {
        return;
    }
    let column = i % COLUMNS;
    let random = words(STREAM, args.first_row + i / COLUMNS, column / 4u);
    draws[i] = f32(random[column % 4u] >> 8u) * 5.9604645e-8; // 2^-24
}
