// count [rows, 1] = the number of x's columns [rows, COLUMNS] that are infinite or NaN. Tests the
// bits, since a compiler may assume that every float is finite.

#import common/row_total

@group(0) @binding(1) var<storage, read_write> count: array<f32>;

const EXPONENT = 0x7f800000u;

fn term(number: f32) -> f32 {
    return select(0.0, 1.0, (bitcast<u32>(number) & EXPONENT) == EXPONENT);
}

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
    let total = row_total(row, lane);
    if lane == 0u {
        count[row] = total;
    }
}
