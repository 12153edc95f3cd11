// The product [M, N] = a b with inner dimension K in registers alone. The kernel's own file says
// what the operands are (a_four, b_four) and what becomes of the sums (finish).
//
// Four invocations, a quad, compute a tile of TILE_ROWS rows by 4 x 4 columns and their partners,
// second columns further on; no memory is shared and nothing waits. Each invocation keeps the sums
// of its own four columns and four partners for all rows. Of a block of 4 rows by 4 k each reads
// one vector, and three exchanges within the quad give it the other three. After exchange i
// invocation q holds the vector of q ^ i, so its matrices are those of the block with the vectors
// in another order, which is undone in finish (where a vector is a row) or in b_block (where it is
// a k).

override LANES: u32;      // invocations of a workgroup
override TILE_ROWS: u32;  // rows of a tile: 32, or 16 where registers are few
override TILE_LANES: u32; // invocations that compute a tile: 4

// The columns are rows of the product.
struct Sums {
    first: mat4x4f,
    second: mat4x4f,
}

fn has_first(column: u32) -> bool {
    return column < first_columns();
}

fn has_second(column: u32) -> bool {
    return column < first_columns() && column + product.second < columns();
}

// The block of a that the quad reads: its columns are rows of a along k.
fn exchange(own: vec4f) -> mat4x4f {
    let block = mat4x4f(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
    if TRANSPOSE_A {
        return transpose(block);
    }
    return block;
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

fn add(sums: ptr<function, Sums>, own: vec4f, first: mat4x4f, second: mat4x4f) {
    let block = exchange(own);
    (*sums).first += first * block;
    (*sums).second += second * block;
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
            finish(at, column, turned.first[0], turned.second[0]);
        }
        turned.first = turn(turned.first);
        turned.second = turn(turned.second);
    }
}

fn compute_tile(tile: vec2u, lane: u32) {
    let row = tile.y * TILE_ROWS;
    let column = tile.x * product.stride + 4u * lane;
    let row_order = select(lane, 0u, TRANSPOSE_A); // of the rows in a block
    let k_order = lane - row_order;                // of the k
    let own_row = row + row_order;
    var s0 = Sums();
    var s1 = Sums();
    var s2 = Sums();
    var s3 = Sums();
    var s4 = Sums();
    var s5 = Sums();
    var s6 = Sums();
    var s7 = Sums();
    for (var k = 0u; k < product.k; k += 4u) {
        let own_k = k + k_order;
        let first = b_block(k, column, k_order);
        let second = b_block(k, column + product.second, k_order);
        add(&s0, a_four(own_row, own_k), first, second);
        add(&s1, a_four(own_row + 4u, own_k), first, second);
        add(&s2, a_four(own_row + 8u, own_k), first, second);
        add(&s3, a_four(own_row + 12u, own_k), first, second);
        if TILE_ROWS > 16u {
            add(&s4, a_four(own_row + 16u, own_k), first, second);
            add(&s5, a_four(own_row + 20u, own_k), first, second);
            add(&s6, a_four(own_row + 24u, own_k), first, second);
            add(&s7, a_four(own_row + 28u, own_k), first, second);
        }
    }
    // A loop keeps the kernel's finish from being compiled TILE_ROWS times.
    for (var i = 0u; i < TILE_ROWS; i += 4u) {
        finish_four(row + i, column, row_order, s0);
        s0 = s1;
        s1 = s2;
        s2 = s3;
        s3 = s4;
        s4 = s5;
        s5 = s6;
        s6 = s7;
    }
}
