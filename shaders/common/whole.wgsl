// The sums of a tile are made in one piece.

// Given a workgroup's index, the index of the workgroup that computes the same tile's first slice.
fn enter(group: u32) -> u32 {
    return group;
}

fn slice_begin() -> u32 {
    return 0u;
}

fn put(row: u32, column: u32, first: vec4f, second: vec4f) {
    finish(row, column, first, second);
}
