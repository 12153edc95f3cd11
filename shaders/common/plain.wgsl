// A product of constant shape, a workgroup for each of its tiles.

override M: u32;
override N: u32;
override FIRST: u32; // columns that have a tile of their own; the others are partners

fn rows() -> u32 {
    return M;
}

fn columns() -> u32 {
    return N;
}

fn first_columns() -> u32 {
    return FIRST;
}

@compute @workgroup_size(LANES)
fn product(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    compute_tile(group.xy, lane);
}
