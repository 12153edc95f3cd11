// sums [g, COLUMNS] = column sums of x [g * GROUP, COLUMNS] over groups of successive rows: one
// invocation per sum, rows in order.

#import common/grid

override COLUMNS: u32;
override GROUP: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn column_sum(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&sums) {
        return;
    }
    let start = i / COLUMNS * GROUP * COLUMNS + i % COLUMNS;
    var sum = 0.0;
    for (var row = 0u; row < GROUP; row++) {
        sum += x[start + row * COLUMNS];
    }
    sums[i] = sum;
}
