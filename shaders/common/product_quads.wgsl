// The product, in registers only.
//
// Four invocations, a quad, compute a tile of TILE_ROWS rows by 4 x 4 columns and their partners,
// args.second columns further right, without shared memory or barriers. Each invocation keeps the
// sums of its own four columns and four partners for all rows, and adds to them by blocks of 4 rows
// by 4 k. Each invocation reads one vector of a block and gets the others by three exchanges. After
// exchange i invocation q holds the vector of q ^ i: the i-th place has vector i ^ order, which is
// undone in finish (where a vector is a row) or in b_block (where it is a k).

#import common/product
#import common/turn

fn row_order(lane: u32) -> u32 {
    return select(lane, 0u, TRANSPOSE_A);
}

fn k_order(lane: u32) -> u32 {
    return select(0u, lane, TRANSPOSE_A);
}

// Four rows of a, as columns along k.
fn a_block(row: u32, k: u32, lane: u32) -> mat4x4f {
    let own = a_four(row + row_order(lane), k + k_order(lane));
    let block = mat4x4f(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
    if TRANSPOSE_A {
        return transpose(block);
    }
    return block;
}

// Column i is four columns of b at k + (i ^ order).
fn b_block(k: u32, column: u32, order: u32) -> mat4x4f {
    if TRANSPOSE_B {
        return transpose(mat4x4f(
            b_four(k, column),
            b_four(k, column + 1u),
            b_four(k, column + 2u),
            b_four(k, column + 3u),
        ));
    }
    return mat4x4f(
        b_four(k + order, column),
        b_four(k + (1u ^ order), column),
        b_four(k + (2u ^ order), column),
        b_four(k + (3u ^ order), column),
    );
}

// The columns of the sums are rows of the product: column i is row i ^ order of the four.
fn finish_four(
    group: u32,
    row: u32,
    column: u32,
    order: u32,
    first_sums: mat4x4f,
    second_sums: mat4x4f,
) {
    var first = first_sums;
    var second = second_sums;
    for (var i = 0u; i < 4u; i++) {
        let at = row + (i ^ order);
        if at < rows() {
            put(group, at, column, first[0], second[0]);
        }
        first = turn(first);
        second = turn(second);
    }
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
    var first_4 = mat4x4f();
    var second_4 = mat4x4f();
    var first_5 = mat4x4f();
    var second_5 = mat4x4f();
    var first_6 = mat4x4f();
    var second_6 = mat4x4f();
    var first_7 = mat4x4f();
    var second_7 = mat4x4f();
    for (var k = 0u; k < args.k; k += 4u) {
        let first = b_block(k, column, k_order(lane));
        let second = b_block(k, column + args.second, k_order(lane));
        let a_0 = a_block(row, k, lane);
        first_0 = add_block(first_0, first, a_0);
        second_0 = add_block(second_0, second, a_0);
        let a_1 = a_block(row + 4u, k, lane);
        first_1 = add_block(first_1, first, a_1);
        second_1 = add_block(second_1, second, a_1);
        if TILE_ROWS > 8u {
            let a_2 = a_block(row + 8u, k, lane);
            first_2 = add_block(first_2, first, a_2);
            second_2 = add_block(second_2, second, a_2);
            let a_3 = a_block(row + 12u, k, lane);
            first_3 = add_block(first_3, first, a_3);
            second_3 = add_block(second_3, second, a_3);
        }
        if TILE_ROWS > 16u {
            let a_4 = a_block(row + 16u, k, lane);
            first_4 = add_block(first_4, first, a_4);
            second_4 = add_block(second_4, second, a_4);
            let a_5 = a_block(row + 20u, k, lane);
            first_5 = add_block(first_5, first, a_5);
            second_5 = add_block(second_5, second, a_5);
            let a_6 = a_block(row + 24u, k, lane);
            first_6 = add_block(first_6, first, a_6);
            second_6 = add_block(second_6, second, a_6);
            let a_7 = a_block(row + 28u, k, lane);
            first_7 = add_block(first_7, first, a_7);
            second_7 = add_block(second_7, second, a_7);
        }
    }
    // A loop prevents the kernel's finish from being compiled TILE_ROWS times.
    for (var i = 0u; i < TILE_ROWS; i += 4u) {
        finish_four(group, row + i, column, row_order(lane), first_0, second_0);
        first_0 = first_1;
        second_0 = second_1;
        first_1 = first_2;
        second_1 = second_2;
        first_2 = first_3;
        second_2 = second_3;
        first_3 = first_4;
        second_3 = second_4;
        first_4 = first_5;
        second_4 = second_5;
        first_5 = first_6;
        second_5 = second_6;
        first_6 = first_7;
        second_6 = second_7;
    }
}
