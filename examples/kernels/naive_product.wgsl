// c [M, N] = a [M, K] b [K, N], one invocation per element.

override M: u32;
override N: u32;
override K: u32;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y;
    let column = id.x;
    if row >= M || column >= N {
        return;
    }
    var sum = 0.0;
    for (var k = 0u; k < K; k++) {
        sum += a[row * K + k] * b[k * N + column];
    }
    c[row * N + column] = sum;
}
