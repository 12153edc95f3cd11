// stddev = ln(1 + exp(s)) + 1e-6.

@group(0) @binding(0) var<storage, read_write> s: array<f32>;
@group(0) @binding(1) var<storage, read_write> stddev: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn softplus(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&stddev) {
        stddev[i] = stddev_of(s[i]);
    }
}
