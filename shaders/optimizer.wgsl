// Updates w and the optimiser's states of w by dw, one number per invocation.

#import common/arguments
#import common/grid
#import common/scalar

@group(0) @binding(0) var<storage, read_write> dw: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&w) {
        update_at(i, dw[i]);
    }
}
