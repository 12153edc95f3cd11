// The product, in registers only, for drivers that run on the CPU.
//
// A workgroup computes a tile of TILE_ROWS rows by 4 LANES columns and their partners, args.second
// columns further right; each invocation computes all rows of 4 columns and their partners. A
// number of a is the same for all invocations of a workgroup: a compiler that recognises this reads
// it once, and multiplies it by vectors with one element per invocation. The loop processes one k
// at a time, so that it fits the processor's cache of decoded instructions.

#import common/product
#import common/outer

// Four rows of a at k.
fn a_rows(row: u32, k: u32) -> vec4f {
    if TRANSPOSE_A {
        return a_four(row, k);
    }
    return vec4f(
        a_four(row, k).x,
        a_four(row + 1u, k).x,
        a_four(row + 2u, k).x,
        a_four(row + 3u, k).x,
    );
}

// Four columns of b at k.
fn b_columns(k: u32, column: u32) -> vec4f {
    if TRANSPOSE_B {
        return vec4f(
            b_four(k, column).x,
            b_four(k, column + 1u).x,
            b_four(k, column + 2u).x,
            b_four(k, column + 3u).x,
        );
    }
    return b_four(k, column);
}

fn compute_tile(group: u32, tile: vec2u, lane: u32) {
    let row = tile.y * TILE_ROWS;
    let column = tile.x * args.stride + 4u * lane;
    var first_0 = mat4x4f();
    var second_0 = mat4x4f();
    var first_1 = mat4x4f();
    var second_1 = mat4x4f();
    var first_2 = mat4x4f();
    var second_2 = mat4x4f();
    var first_3 = mat4x4f();
    var second_3 = mat4x4f();
    for (var k = 0u; k < args.k; k++) {
        let first = b_columns(k, column);
        let second = b_columns(k, column + args.second);
        let a_0 = a_rows(row, k);
        first_0 = add_outer(first_0, first, a_0);
        second_0 = add_outer(second_0, second, a_0);
        let a_1 = a_rows(row + 4u, k);
        first_1 = add_outer(first_1, first, a_1);
        second_1 = add_outer(second_1, second, a_1);
        let a_2 = a_rows(row + 8u, k);
        first_2 = add_outer(first_2, first, a_2);
        second_2 = add_outer(second_2, second, a_2);
        let a_3 = a_rows(row + 12u, k);
        first_3 = add_outer(first_3, first, a_3);
        second_3 = add_outer(second_3, second, a_3);
    }
    // A loop prevents the kernel's finish from being compiled for each four rows.
    for (var i = 0u; i < TILE_ROWS; i += 4u) {
        finish_rows(group, row + i, column, first_0, second_0);
        first_0 = first_1;
        second_0 = second_1;
        first_1 = first_2;
        second_1 = second_2;
        first_2 = first_3;
        second_2 = second_3;
    }
}
