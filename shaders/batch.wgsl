// The step's images and their noise: the first workgroups do the work of gather_batch, the others
// that of normal.

#import common/grid
#import common/gather
#import common/noise

override FIRST_NOISE: u32; // invocation that makes the first four columns of noise

@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> eps: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn batch(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&x) {
        gather(i);
    } else if i >= FIRST_NOISE {
        draw(i - FIRST_NOISE);
    }
}
