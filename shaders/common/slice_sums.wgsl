// The second of two passes adds the slices of each tile.

#import common/product
#import common/slicing

override GROUPS: u32; // TILE_ROWS / 4

fn first_slice(group: u32) -> u32 {
    return group;
}

fn compute_tile(group: u32, tile: vec2u, lane: u32) {
    let row = tile.y * TILE_ROWS + lane / GROUPS * 4u;
    let column = tile.x * args.stride + lane % GROUPS * 4u;
    for (var i = row; i < min(row + 4u, rows()); i++) {
        var first = vec4f();
        var second = vec4f();
        for (var k = 0u; k < args.k; k += args.slice) {
            let at = slice_at(group + k / args.slice * args.groups, i, column);
            first += slices[at];
            second += slices[at + 1u];
        }
        finish(i, column, first, second);
    }
}
