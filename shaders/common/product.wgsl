// Code shared by all algorithms for a product [M, N] = a b with inner dimension K. The kernel's own
// file defines how operands are loaded (a_four, b_four) and how sums are finished (finish).

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

// The tile of an invocation. If a workgroup has one tile, the expression does not depend on the
// invocation, so that compilers recognise it as uniform.
fn tile_index(group: u32, lane: u32) -> u32 {
    if LANES == TILE_LANES {
        return group;
    }
    return (group * LANES + lane) / TILE_LANES;
}
