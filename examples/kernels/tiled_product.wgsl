// c [M, N] = a [M, K] b [K, N]. A workgroup computes a square tile of c; tiles of a and b are staged
// in its memory, with zeros past the edges.

override M: u32;
override N: u32;
override K: u32;
override TILE: u32 = 8;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

var<workgroup> a_tile: array<f32, TILE * TILE>;
var<workgroup> b_tile: array<f32, TILE * TILE>;

@compute @workgroup_size(TILE, TILE)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) local: vec3u,
) {
    let row = group.y * TILE + local.y;
    let column = group.x * TILE + local.x;
    let own = local.y * TILE + local.x;
    var sum = 0.0;
    for (var start = 0u; start < K; start += TILE) {
        let a_column = start + local.x;
        let b_row = start + local.y;
        var a_element = 0.0;
        if row < M && a_column < K {
            a_element = a[row * K + a_column];
        }
        var b_element = 0.0;
        if b_row < K && column < N {
            b_element = b[b_row * N + column];
        }
        a_tile[own] = a_element;
        b_tile[own] = b_element;
        workgroupBarrier();
        for (var k = 0u; k < TILE; k++) {
            sum += a_tile[local.y * TILE + k] * b_tile[k * TILE + local.x];
        }
        workgroupBarrier();
    }
    if row < M && column < N {
        c[row * N + column] = sum;
    }
}
