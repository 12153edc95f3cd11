// y = x, ROUNDS times. Each workgroup has SLICE vectors of its own, and each invocation always the
// same ones of these, so there is no synchronisation and no data race.

const LANES = 256u;

override SLICE: u32; // a multiple of LANES
override ROUNDS: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(LANES)
fn copy_roof(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var i = lane; i < SLICE * ROUNDS; i += LANES) {
        let at = group.x * SLICE + i % SLICE;
        y[at] = x[at];
    }
}
