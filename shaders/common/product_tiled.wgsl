// The product, staged in the workgroup's memory.
//
// A workgroup computes a tile of TILE_ROWS rows by as many columns and their partners, args.second
// columns further right; each invocation computes 4 rows of 4 columns and their partners. While
// GROUPS terms of the sums are added, each invocation loads one vector of each operand for the next
// terms.

#import common/product
#import common/outer

override GROUPS: u32; // TILE_ROWS / 4

// Four rows of a, or four columns of b, for GROUPS steps along k: one block per four steps, in
// which the four numbers of one k follow those of the previous k. One index finds 16 numbers:
// computing and checking indices would cost more than the product. The odd number of vectors per
// group spreads groups over the banks of memory. Elements are numbers, not vectors, because two
// invocations may not write parts of the same vector.
struct Group {
    blocks: array<array<f32, 16>, 4>,
    unused: array<f32, 4>,
}

var<workgroup> a_groups: array<Group, GROUPS>;
var<workgroup> first_groups: array<Group, GROUPS>;
var<workgroup> second_groups: array<Group, GROUPS>;

// The part that an invocation loads if vectors go across k: the four rows or columns, and k.
fn share_across(lane: u32) -> vec2u {
    return vec2u(lane % GROUPS, lane / GROUPS);
}

// The same if vectors go along k: the row or column, and the four along k.
fn share_along(lane: u32) -> vec2u {
    return vec2u(lane / (GROUPS / 4u), lane % (GROUPS / 4u));
}

// The vector of a, from rows of the tile, that an invocation loads for the workgroup.
fn a_share(corner: vec2u, k: u32, lane: u32) -> vec4f {
    if TRANSPOSE_A {
        let across = share_across(lane);
        return a_four(corner.y + 4u * across.x, k + across.y);
    }
    let along = share_along(lane);
    return a_four(corner.y + along.x, k + 4u * along.y);
}

// The same for b, from columns of the tile or from their partners.
fn b_share(column: u32, k: u32, lane: u32) -> vec4f {
    if TRANSPOSE_B {
        let along = share_along(lane);
        return b_four(k + 4u * along.y, column + along.x);
    }
    let across = share_across(lane);
    return b_four(k + across.y, column + 4u * across.x);
}

// Place of a vector's first number: group, block, and number in the block. The other numbers are
// next(is_along) apart: vectors along k are transposed here, not where blocks are read, since whole
// blocks do not fit the registers of some GPUs.
fn place(is_along: bool, lane: u32) -> vec3u {
    let across = share_across(lane);
    let along = share_along(lane);
    return select(
        vec3u(across.x, across.y / 4u, across.y % 4u * 4u),
        vec3u(along.x / 4u, along.y, along.x % 4u),
        is_along,
    );
}

fn next(is_along: bool) -> u32 {
    return select(1u, 4u, is_along);
}

// Four rows of a, or four columns of b, from number i of a block on.
fn a_at(group: u32, block: u32, i: u32) -> vec4f {
    let numbers = &a_groups[group].blocks[block];
    return vec4f((*numbers)[i], (*numbers)[i + 1u], (*numbers)[i + 2u], (*numbers)[i + 3u]);
}

fn first_at(group: u32, block: u32, i: u32) -> vec4f {
    let numbers = &first_groups[group].blocks[block];
    return vec4f((*numbers)[i], (*numbers)[i + 1u], (*numbers)[i + 2u], (*numbers)[i + 3u]);
}

fn second_at(group: u32, block: u32, i: u32) -> vec4f {
    let numbers = &second_groups[group].blocks[block];
    return vec4f((*numbers)[i], (*numbers)[i + 1u], (*numbers)[i + 2u], (*numbers)[i + 3u]);
}

fn compute_tile(group: u32, tile: vec2u, lane: u32) {
    let corner = tile * vec2u(args.stride, TILE_ROWS);
    let own = share_across(lane); // the group of its columns, and that of its rows
    var first = mat4x4f();        // columns are rows of the product
    var second = mat4x4f();
    let a_place = place(!TRANSPOSE_A, lane);
    let b_place = place(TRANSPOSE_B, lane);
    let begin = slice_begin(group);
    let end = min(begin + args.slice, args.k);
    var a = a_share(corner, begin, lane);
    var b_first = b_share(corner.x, begin, lane);
    var b_second = b_share(corner.x + args.second, begin, lane);
    for (var k = begin; k < end; k += GROUPS) {
        for (var i = 0u; i < 4u; i++) {
            let a_i = a_place.z + i * next(!TRANSPOSE_A);
            let b_i = b_place.z + i * next(TRANSPOSE_B);
            a_groups[a_place.x].blocks[a_place.y][a_i] = a.x;
            first_groups[b_place.x].blocks[b_place.y][b_i] = b_first.x;
            second_groups[b_place.x].blocks[b_place.y][b_i] = b_second.x;
            // FXC compiles a[i] to a scalar product, and infinity times 0 is NaN.
            a = a.yzwx;
            b_first = b_first.yzwx;
            b_second = b_second.yzwx;
        }
        workgroupBarrier();
        a = a_share(corner, k + GROUPS, lane);
        b_first = b_share(corner.x, k + GROUPS, lane);
        b_second = b_share(corner.x + args.second, k + GROUPS, lane);
        for (var i = 0u; i < GROUPS / 4u; i++) {
            let a_0 = a_at(own.y, i, 0u);
            first = add_outer(first, first_at(own.x, i, 0u), a_0);
            second = add_outer(second, second_at(own.x, i, 0u), a_0);
            let a_1 = a_at(own.y, i, 4u);
            first = add_outer(first, first_at(own.x, i, 4u), a_1);
            second = add_outer(second, second_at(own.x, i, 4u), a_1);
            let a_2 = a_at(own.y, i, 8u);
            first = add_outer(first, first_at(own.x, i, 8u), a_2);
            second = add_outer(second, second_at(own.x, i, 8u), a_2);
            let a_3 = a_at(own.y, i, 12u);
            first = add_outer(first, first_at(own.x, i, 12u), a_3);
            second = add_outer(second, second_at(own.x, i, 12u), a_3);
        }
        workgroupBarrier();
    }
    finish_rows(group, corner.y + 4u * own.y, corner.x + 4u * own.x, first, second);
}
