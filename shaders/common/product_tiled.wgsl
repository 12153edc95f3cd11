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

// The vectors that an invocation loads for all.
struct Share {
    a: vec4f,
    first: vec4f,
    second: vec4f,
}

// The share of an invocation where vectors go across k: the four rows or columns, and k.
fn share_across(lane: u32) -> vec2u {
    return vec2u(lane % GROUPS, lane / GROUPS);
}

// The same where they go along k: the row or column, and the four along k.
fn share_along(lane: u32) -> vec2u {
    return vec2u(lane / (GROUPS / 4u), lane % (GROUPS / 4u));
}

fn load(corner: vec2u, k: u32, lane: u32) -> Share {
    let across = share_across(lane);
    let along = share_along(lane);
    var share: Share;
    if TRANSPOSE_A {
        share.a = a_four(corner.y + 4u * across.x, k + across.y);
    } else {
        share.a = a_four(corner.y + along.x, k + 4u * along.y);
    }
    if TRANSPOSE_B {
        let column = corner.x + along.x;
        share.first = b_four(k + 4u * along.y, column);
        share.second = b_four(k + 4u * along.y, column + product.second);
    } else {
        let column = corner.x + 4u * across.x;
        share.first = b_four(k + across.y, column);
        share.second = b_four(k + across.y, column + product.second);
    }
    return share;
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

fn stage(share: Share, a: vec3u, b: vec3u) {
    a_groups[a.x].blocks[a.y][a.z] = share.a;
    first_groups[b.x].blocks[b.y][b.z] = share.first;
    second_groups[b.x].blocks[b.y][b.z] = share.second;
}

fn compute_tile(tile: vec2u, lane: u32) {
    let corner = tile * vec2u(product.stride, TILE_ROWS);
    let own = share_across(lane); // its columns' group, and its rows'
    var first = mat4x4f();        // columns are rows of the product
    var second = mat4x4f();
    let a_place = place(!TRANSPOSE_A, lane);
    let b_place = place(TRANSPOSE_B, lane);
    var share = load(corner, slice_begin(), lane);
    let end = min(slice_begin() + product.slice, product.k);
    for (var k = slice_begin(); k < end; k += GROUPS) {
        stage(share, a_place, b_place);
        workgroupBarrier();
        share = load(corner, k + GROUPS, lane);
        for (var i = 0u; i < GROUPS / 4u; i++) {
            var a = a_groups[own.y].blocks[i];
            var b_first = first_groups[own.x].blocks[i];
            var b_second = second_groups[own.x].blocks[i];
            if TRANSPOSE_A {
                a = transpose(a);
            }
            if TRANSPOSE_B {
                b_first = transpose(b_first);
                b_second = transpose(b_second);
            }
            first = add_block(first, b_first, a);
            second = add_block(second, b_second, a);
        }
        workgroupBarrier();
    }
    let row = corner.y + 4u * own.y;
    let column = corner.x + 4u * own.x;
    for (var i = 0u; i < 4u; i++) {
        if row + i < rows() {
            put(row + i, column, first[i], second[i]);
        }
    }
}
