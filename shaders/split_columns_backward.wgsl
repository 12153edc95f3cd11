// dinput [rows, LEFT + RIGHT] = dleft beside dright.

override LEFT: u32;
override RIGHT: u32;

@group(0) @binding(0) var<storage, read_write> dleft: array<f32>;
@group(0) @binding(1) var<storage, read_write> dright: array<f32>;
@group(0) @binding(2) var<storage, read_write> dinput: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn split_columns_backward(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&dinput) {
        return;
    }
    let row = i / (LEFT + RIGHT);
    let column = i % (LEFT + RIGHT);
    if column < LEFT {
        dinput[i] = dleft[row * LEFT + column];
    } else {
        dinput[i] = dright[row * RIGHT + column - LEFT];
    }
}
