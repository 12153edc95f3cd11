// The product, staged in the workgroup's memory.
//
// A workgroup computes a tile of TILE_ROWS rows by as many columns and their partners, second columns
// further on; each invocation 4 rows of 4 columns and their partners. While GROUPS terms of the sums
// are added, each invocation loads one vector of each operand for the next ones.

override GROUPS: u32; // TILE_ROWS / 4

// What four rows of a, or four columns of b, have in GROUPS steps along k: for every four of them a
// block, whose vectors go along k or across, as they are read. One index finds 16 numbers: computing
// and checking indices would cost more than the product. The odd number of vectors spreads groups
// over the banks of memory.
struct Group {
    blocks: array<mat4x4f, 4>,
    unused: vec4f,
}

var<workgroup> a_groups: array<Group, GROUPS>;
var<workgroup> first_groups: array<Group, GROUPS>;
var<workgroup> second_groups: array<Group, GROUPS>;

// The share of an invocation where vectors go across k: the four rows or columns, and k.
fn share_across(lane: u32) -> vec2u {
    return vec2u(lane % GROUPS, lane / GROUPS);
}

// The same where they go along k: the row or column, and the four along k.
fn share_along(lane: u32) -> vec2u {
    return vec2u(lane / (GROUPS / 4u), lane % (GROUPS / 4u));
}

// The vector of a, from rows of the tile, that an invocation loads for all.
fn a_share(corner: vec2u, k: u32, lane: u32) -> vec4f {
    if TRANSPOSE_A {
        let across = share_across(lane);
        return a_four(corner.y + 4u * across.x, k + across.y);
    }
    let along = share_along(lane);
    return a_four(corner.y + along.x, k + 4u * along.y);
}

// The same of b, from columns of the tile or from their partners.
fn b_share(column: u32, k: u32, lane: u32) -> vec4f {
    if TRANSPOSE_B {
        let along = share_along(lane);
        return b_four(k + 4u * along.y, column + along.x);
    }
    let across = share_across(lane);
    return b_four(k + across.y, column + 4u * across.x);
}

// Where a share lies: group, block, and vector in the block.
fn place(is_along: bool, lane: u32) -> vec3u {
    let across = share_across(lane);
    let along = share_along(lane);
    return select(
        vec3u(across.x, across.y / 4u, across.y % 4u),
        vec3u(along.x / 4u, along.y, along.x % 4u),
        is_along,
    );
}

// A block whose vectors go along k, for rows of a.
fn a_turned(block: mat4x4f) -> mat4x4f {
    if TRANSPOSE_A {
        return transpose(block);
    }
    return block;
}

// A block whose vectors go across k, for columns of b.
fn b_turned(block: mat4x4f) -> mat4x4f {
    if TRANSPOSE_B {
        return transpose(block);
    }
    return block;
}

fn compute_tile(group: u32, tile: vec2u, lane: u32) {
    let corner = tile * vec2u(product.stride, TILE_ROWS);
    let own = share_across(lane); // its columns' group, and its rows'
    var first = mat4x4f();        // columns are rows of the product
    var second = mat4x4f();
    let a_place = place(!TRANSPOSE_A, lane);
    let b_place = place(TRANSPOSE_B, lane);
    let begin = slice_begin(group);
    let end = min(begin + product.slice, product.k);
    var a = a_share(corner, begin, lane);
    var b_first = b_share(corner.x, begin, lane);
    var b_second = b_share(corner.x + product.second, begin, lane);
    for (var k = begin; k < end; k += GROUPS) {
        a_groups[a_place.x].blocks[a_place.y][a_place.z] = a;
        first_groups[b_place.x].blocks[b_place.y][b_place.z] = b_first;
        second_groups[b_place.x].blocks[b_place.y][b_place.z] = b_second;
        workgroupBarrier();
        a = a_share(corner, k + GROUPS, lane);
        b_first = b_share(corner.x, k + GROUPS, lane);
        b_second = b_share(corner.x + product.second, k + GROUPS, lane);
        for (var i = 0u; i < GROUPS / 4u; i++) {
            let rows_of_a = a_turned(a_groups[own.y].blocks[i]);
            first = add_block(first, b_turned(first_groups[own.x].blocks[i]), rows_of_a);
            second = add_block(second, b_turned(second_groups[own.x].blocks[i]), rows_of_a);
        }
        workgroupBarrier();
    }
    let row = corner.y + 4u * own.y;
    let column = corner.x + 4u * own.x;
    for (var i = 0u; i < 4u; i++) {
        if row + i < rows() {
            put(group, row + i, column, first[i], second[i]);
        }
    }
}
