// left [rows, LEFT] and right [rows, RIGHT] are the columns of x.

#import common/grid

override LEFT: u32;
override RIGHT: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> left: array<f32>;
@group(0) @binding(2) var<storage, read_write> right: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn split_columns(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&x) {
        return;
    }
    let row = i / (LEFT + RIGHT);
    let column = i % (LEFT + RIGHT);
    if column < LEFT {
        left[row * LEFT + column] = x[i];
    } else {
        right[row * RIGHT + column - LEFT] = x[i];
    }
}
