// The product, in registers alone.
//
// Four invocations, a quad, compute a tile of TILE_ROWS rows by 4 x 4 columns and their partners,
// second columns further on; no memory is shared and nothing waits. Each invocation keeps the sums
// of its own four columns and four partners for all rows, and adds to them by blocks of 4 rows by
// 4 k (a_block). It may hold a block's vectors in another order, the i-th in place of i ^ order,
// which is undone in finish (where a vector is a row) or in b_block (where it is a k).

// The columns are rows of the product.
struct Sums {
    first: mat4x4f,
    second: mat4x4f,
}

// Column i is b at k + (i ^ order), four columns of it.
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

fn add(sums: ptr<function, Sums>, block: mat4x4f, first: mat4x4f, second: mat4x4f) {
    (*sums).first = add_block((*sums).first, first, block);
    (*sums).second = add_block((*sums).second, second, block);
}

fn turn(m: mat4x4f) -> mat4x4f {
    return mat4x4f(m[1], m[2], m[3], m[0]);
}

// Row i of the four is row i ^ order.
fn finish_four(row: u32, column: u32, order: u32, sums: Sums) {
    var turned = sums;
    for (var i = 0u; i < 4u; i++) {
        let at = row + (i ^ order);
        if at < rows() {
            put(at, column, turned.first[0], turned.second[0]);
        }
        turned.first = turn(turned.first);
        turned.second = turn(turned.second);
    }
}

fn compute_tile(tile: vec2u, lane: u32) {
    let row = tile.y * TILE_ROWS;
    let column = tile.x * product.stride + 4u * lane;
    var s0 = Sums();
    var s1 = Sums();
    var s2 = Sums();
    var s3 = Sums();
    var s4 = Sums();
    var s5 = Sums();
    var s6 = Sums();
    var s7 = Sums();
    for (var k = 0u; k < product.k; k += 4u) {
        let first = b_block(k, column, k_order(lane));
        let second = b_block(k, column + product.second, k_order(lane));
        add(&s0, a_block(row, k, lane), first, second);
        add(&s1, a_block(row + 4u, k, lane), first, second);
        if TILE_ROWS > 8u {
            add(&s2, a_block(row + 8u, k, lane), first, second);
            add(&s3, a_block(row + 12u, k, lane), first, second);
        }
        if TILE_ROWS > 16u {
            add(&s4, a_block(row + 16u, k, lane), first, second);
            add(&s5, a_block(row + 20u, k, lane), first, second);
            add(&s6, a_block(row + 24u, k, lane), first, second);
            add(&s7, a_block(row + 28u, k, lane), first, second);
        }
    }
    // A loop keeps the kernel's finish from being compiled TILE_ROWS times.
    for (var i = 0u; i < TILE_ROWS; i += 4u) {
        finish_four(row + i, column, row_order(lane), s0);
        s0 = s1;
        s1 = s2;
        s2 = s3;
        s3 = s4;
        s4 = s5;
        s5 = s6;
        s6 = s7;
    }
}
