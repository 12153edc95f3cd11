// c [M, N] = a b with inner dimension K; a is stored [M, K], or [K, M] if TRANSPOSE_A, and b
// [K, N], or [N, K] if TRANSPOSE_B. A workgroup of 16 x 16 invocations computes a tile of 64 x 64,
// each invocation 4 x 4 of it, from blocks of 16 along K that the workgroup stages in its memory.

override M: u32;
override N: u32;
override K: u32;
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

const SIDE = 16u;      // invocations along each side of the workgroup
const TILE = 64u;      // elements along each side of its tile: 4 an invocation
const DEPTH = 16u;     // elements of a block along K

var<workgroup> a_block: array<array<vec4f, 16>, 16>; // [k][row / 4]
var<workgroup> b_block: array<array<vec4f, 16>, 16>; // [k][column / 4]

fn a_at(row: u32, k: u32) -> f32 {
    if row >= M || k >= K {
        return 0.0;
    }
    return a[select(row * K + k, k * M + row, TRANSPOSE_A)];
}

fn b_at(k: u32, column: u32) -> f32 {
    if k >= K || column >= N {
        return 0.0;
    }
    return b[select(k * N + column, column * K + k, TRANSPOSE_B)];
}

// Lane i stages four rows of a at one k, and four columns of b at one k.
fn stage(corner: vec2u, start: u32, lane: u32) {
    let k = lane / SIDE;
    let quad = lane % SIDE;
    let row = corner.y + 4u * quad;
    let column = corner.x + 4u * quad;
    for (var j = 0u; j < 4u; j++) {
        a_block[k][quad][j] = a_at(row + j, start + k);
        b_block[k][quad][j] = b_at(start + k, column + j);
    }
}

fn store(row: u32, column: u32, values: vec4f) {
    if row >= M {
        return;
    }
    for (var j = 0u; j < 4u; j++) {
        if column + j < N {
            c[row * N + column + j] = values[j];
        }
    }
}

@compute @workgroup_size(16, 16)
fn matmul(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let corner = group.xy * TILE;
    var sum_0 = vec4f();
    var sum_1 = vec4f();
    var sum_2 = vec4f();
    var sum_3 = vec4f();
    for (var start = 0u; start < K; start += DEPTH) {
        stage(corner, start, lane);
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let rows = a_block[k][local.y];
            let columns = b_block[k][local.x];
            sum_0 += rows.x * columns;
            sum_1 += rows.y * columns;
            sum_2 += rows.z * columns;
            sum_3 += rows.w * columns;
        }
        workgroupBarrier();
    }
    let row = corner.y + 4u * local.y;
    let column = corner.x + 4u * local.x;
    store(row, column, sum_0);
    store(row + 1u, column, sum_1);
    store(row + 2u, column, sum_2);
    store(row + 3u, column, sum_3);
}
