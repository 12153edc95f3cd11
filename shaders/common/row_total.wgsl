// One workgroup per row of x [rows, COLUMNS]. The kernel's own file defines the term of a number.

#import common/reduce

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;

// The sum of a row's terms. Every lane of the workgroup must call this.
fn row_total(row: u32, lane: u32) -> f32 {
    var sum = 0.0;
    for (var column = lane; column < COLUMNS; column += WORKGROUP) {
        sum += term(x[row * COLUMNS + column]);
    }
    return workgroup_sum(lane, sum);
}
