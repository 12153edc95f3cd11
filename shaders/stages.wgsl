// Stages without a product: one invocation per block of four columns.

#import common/arguments
#import common/grid

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    let blocks = (args.first + 3u) / 4u;
    if i / blocks < args.m {
        block(i / blocks, i % blocks * 4u, vec4f(), vec4f());
    }
}
