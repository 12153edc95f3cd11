// y = the sum of 0 + lane, 1 + lane, ... 7 + lane; before that, the first CHAINS of them are
// multiplied by x[0] and added to x[1] 4 * ROUNDS times in registers. The compiler does not know
// that the factor is 1.

const LANES = 256u;

override CHAINS: u32; // 2, 4 or 8
override ROUNDS: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

fn four(start: vec4f, factor: vec4f, addend: vec4f) -> vec4f {
    var s = start * factor + addend;
    s = s * factor + addend;
    s = s * factor + addend;
    return s * factor + addend;
}

@compute @workgroup_size(LANES)
fn fma_roof(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let factor = x[0];
    let addend = x[1];
    // No two chains are equal, or they would be computed once.
    var s0 = vec4f(f32(lane));
    var s1 = s0 + 1.0;
    var s2 = s0 + 2.0;
    var s3 = s0 + 3.0;
    var s4 = s0 + 4.0;
    var s5 = s0 + 5.0;
    var s6 = s0 + 6.0;
    var s7 = s0 + 7.0;
    for (var i = 0u; i < ROUNDS; i++) {
        s0 = four(s0, factor, addend);
        s1 = four(s1, factor, addend);
        if CHAINS > 2u {
            s2 = four(s2, factor, addend);
            s3 = four(s3, factor, addend);
        }
        if CHAINS > 4u {
            s4 = four(s4, factor, addend);
            s5 = four(s5, factor, addend);
            s6 = four(s6, factor, addend);
            s7 = four(s7, factor, addend);
        }
    }
    y[id.x] = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
}
