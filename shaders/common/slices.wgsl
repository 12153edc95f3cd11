// The first of two passes makes the slices of all tiles, one slice of each tile after the other.

fn enter(group: u32) -> u32 {
    this_group = group;
    return group % product.groups;
}

fn slice_begin() -> u32 {
    return this_group / product.groups * product.slice;
}

fn put(row: u32, column: u32, first: vec4f, second: vec4f) {
    let at = slice_at(this_group, row, column);
    slices[at] = first;
    slices[at + 1u] = second;
}
