// The sums of a tile are computed without slices.

// The index of the workgroup that computes the first slice of the same tile as workgroup `group`.
fn first_slice(group: u32) -> u32 {
    return group;
}

fn slice_begin(group: u32) -> u32 {
    return 0u;
}

fn put(group: u32, row: u32, column: u32, first: vec4f, second: vec4f) {
    finish(row, column, first, second);
}
