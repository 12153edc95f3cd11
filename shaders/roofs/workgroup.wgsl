// y = the sum of 4 * ROUNDS vectors of x, read from workgroup memory: for each quarter of it,
// ROUNDS consecutive vectors from the invocation's own place on, with wraparound.

const LANES = 256u;
const TILE = 512u;

override ROUNDS: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

var<workgroup> tile: array<vec4f, TILE>;

@compute @workgroup_size(LANES)
fn workgroup_roof(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    tile[lane] = x[lane];
    tile[lane + LANES] = x[lane + LANES];
    workgroupBarrier();
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var i = 0u; i < ROUNDS; i++) {
        s0 += tile[(lane + i) % TILE];
        s1 += tile[(lane + i + TILE / 4u) % TILE];
        s2 += tile[(lane + i + TILE / 2u) % TILE];
        s3 += tile[(lane + i + 3u * TILE / 4u) % TILE];
    }
    y[id.x] = (s0 + s1) + (s2 + s3);
}
