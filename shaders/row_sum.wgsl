// sums [rows, 1] of the columns of x [rows, COLUMNS].

#import common/row_total

@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

fn term(number: f32) -> f32 {
    return number;
}

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
    let total = row_total(row, lane);
    if lane == 0u {
        sums[row] = total;
    }
}
