// dinput = dy * y * (1 - y).

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dinput: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn sigmoid_backward(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&dinput) {
        dinput[i] = dy[i] * y[i] * (1.0 - y[i]);
    }
}
