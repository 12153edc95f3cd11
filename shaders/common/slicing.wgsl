// For products with few tiles: the sums of each tile are split into slices along k, one workgroup
// per slice, and a second pass adds them, always in the same order. Tiles have as many columns as
// rows.

// For each slice's tile, row by row: four columns and four partners.
@group(0) @binding(7) var<storage, read_write> slices: array<vec4f>;

// The index of the sums of a row's four columns and partners from workgroup `group`.
fn slice_at(group: u32, row: u32, column: u32) -> u32 {
    return 2u * ((group * TILE_ROWS + row % TILE_ROWS) * GROUPS + column / 4u % GROUPS);
}
