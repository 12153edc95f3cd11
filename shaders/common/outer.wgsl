// Sums of four rows, one k at a time: the columns of `sums` are rows of the product.

#import common/turn

// Adds the products of one k separately, so that a compiler may fuse product and sum.
fn add_outer(sums: mat4x4f, b: vec4f, a: vec4f) -> mat4x4f {
    return mat4x4f(
        sums[0] + b * a.x,
        sums[1] + b * a.y,
        sums[2] + b * a.z,
        sums[3] + b * a.w,
    );
}

// Finishes the four rows of sums that begin at `row` and `column`, and their partners. The matrix
// is rotated, not indexed: FXC compiles m[i] to sums of all columns times 0 or 1, and infinity
// times 0 is NaN.
fn finish_rows(group: u32, row: u32, column: u32, first_sums: mat4x4f, second_sums: mat4x4f) {
    var first = first_sums;
    var second = second_sums;
    for (var i = 0u; i < 4u; i++) {
        if row + i < rows() {
            put(group, row + i, column, first[0], second[0]);
        }
        first = turn(first);
        second = turn(second);
    }
}
