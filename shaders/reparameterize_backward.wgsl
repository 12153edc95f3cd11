// dstddev = dz * eps.

@group(0) @binding(0) var<storage, read_write> dz: array<f32>;
@group(0) @binding(1) var<storage, read_write> eps: array<f32>;
@group(0) @binding(2) var<storage, read_write> dstddev: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn reparameterize_backward(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&dstddev) {
        dstddev[i] = dz[i] * eps[i];
    }
}
