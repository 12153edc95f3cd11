// The block of a, 4 rows by 4 k, that each of a quad's invocations needs: each reads one vector, and
// three exchanges give it the others. After exchange i invocation q holds the vector of q ^ i.

fn row_order(lane: u32) -> u32 {
    return select(lane, 0u, TRANSPOSE_A);
}

fn k_order(lane: u32) -> u32 {
    return select(0u, lane, TRANSPOSE_A);
}

// Its columns are rows of a along k.
fn a_block(row: u32, k: u32, lane: u32) -> mat4x4f {
    let own = a_four(row + row_order(lane), k + k_order(lane));
    let block = mat4x4f(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
    if TRANSPOSE_A {
        return transpose(block);
    }
    return block;
}
