// count [rows, 1] = how many of x's columns [rows, COLUMNS] are infinite or NaN: one workgroup a row.
// By their bits, since a compiler may take it that no float is either.

#import common/reduce

override COLUMNS: u32;

const EXPONENT = 0x7f800000u;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> count: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn count_nonfinite(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_row(group, groups);
    if row >= arrayLength(&count) {
        return;
    }
    var sum = 0.0;
    for (var column = lane; column < COLUMNS; column += WORKGROUP) {
        if (bitcast<u32>(x[row * COLUMNS + column]) & EXPONENT) == EXPONENT {
            sum += 1.0;
        }
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        count[row] = total;
    }
}
