// The block of a, 4 rows by 4 k, read by each invocation for itself.

fn row_order(lane: u32) -> u32 {
    return 0u;
}

fn k_order(lane: u32) -> u32 {
    return 0u;
}

// Its columns are rows of a along k.
fn a_block(row: u32, k: u32, lane: u32) -> mat4x4f {
    if TRANSPOSE_A {
        return transpose(mat4x4f(
            a_four(row, k),
            a_four(row, k + 1u),
            a_four(row, k + 2u),
            a_four(row, k + 3u),
        ));
    }
    return mat4x4f(a_four(row, k), a_four(row + 1u, k), a_four(row + 2u, k), a_four(row + 3u, k));
}
