// sums [rows, 1] of the columns of x [rows, COLUMNS]: one workgroup a row.

#import common/reduce

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn row_sum(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_row(group, groups);
    if row >= arrayLength(&sums) {
        return;
    }
    var sum = 0.0;
    for (var column = lane; column < COLUMNS; column += WORKGROUP) {
        sum += x[row * COLUMNS + column];
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        sums[row] = total;
    }
}
