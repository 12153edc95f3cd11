// Independent draws from N(0, 1).

#import common/grid
#import common/noise

@group(0) @binding(0) var<storage, read_write> eps: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn normal(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    draw(flat_index(id, groups));
}
