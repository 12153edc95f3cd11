// What the ways to compute a product [M, N] = a b with inner dimension K have in common. The kernel's
// own file says what the operands are (a_four, b_four) and what becomes of the sums (finish).

#import common/arguments

override LANES: u32;      // invocations of a workgroup
override TILE_ROWS: u32;
override TILE_LANES: u32; // invocations that compute a tile

fn has_first(column: u32) -> bool {
    return column < first_columns();
}

fn has_second(column: u32) -> bool {
    return column < first_columns() && column + args.second < columns();
}

// The tile of an invocation. Where a workgroup has one tile, nothing in it names the invocation, so
// that compilers see that it is the same for all.
fn tile_index(group: u32, lane: u32) -> u32 {
    if LANES == TILE_LANES {
        return group;
    }
    return (group * LANES + lane) / TILE_LANES;
}
