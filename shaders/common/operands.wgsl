// A product of one pair of matrices, the first two bindings: a is stored [M, K], or [K, M] if
// TRANSPOSE_A, and b [K, N], or [N, K] if TRANSPOSE_B.

#import common/arguments
#import common/fours

@group(0) @binding(0) var<storage, read_write> a: array<Unit>;
@group(0) @binding(1) var<storage, read_write> b: array<Unit>;

fn a_unit(i: u32) -> Unit {
    return a[i];
}

fn b_unit(i: u32) -> Unit {
    return b[i];
}

fn rows() -> u32 {
    return args.m;
}

fn columns() -> u32 {
    return args.n;
}

fn first_columns() -> u32 {
    return args.first;
}

// Returns zero past the end of k, which is that of the first of the four.
fn inside(four: vec4f, k: u32) -> vec4f {
    if UNIT == 4u {
        return select(vec4f(), four, k < args.k);
    }
    return select(vec4f(), four, k + vec4u(0u, 1u, 2u, 3u) < vec4u(args.k));
}

// Four numbers of a: at row and k to k + 3, or at row to row + 3 and k if TRANSPOSE_A. Rows beyond
// the last are unspecified. Beyond K the numbers are 0 or repeat the last ones.
fn a_four(row: u32, k: u32) -> vec4f {
    if TRANSPOSE_A {
        return a_load(min(k, args.k - 1u) * args.m + row);
    }
    if UNIT == 4u {
        return a_load(row * args.k + min(k, args.k - 4u));
    }
    return inside(a_load(row * args.k + k), k);
}

// Four numbers of b: at k and column to column + 3, or at k to k + 3 and column if TRANSPOSE_B.
// Beyond K they are 0.
fn b_four(k: u32, column: u32) -> vec4f {
    if TRANSPOSE_B {
        return inside(b_load(column * args.k + k), k);
    }
    return select(vec4f(), b_load(k * args.n + column), k < args.k);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group.x + group.y * groups.x;
    let tile = tile_index(first_slice(index), lane);
    compute_tile(index, vec2u(tile % args.across, tile / args.across), lane % TILE_LANES);
}
