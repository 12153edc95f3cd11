// One invocation per element, in workgroups of WORKGROUP along x. A grid of more than 65,535
// workgroups wraps into y.

override WORKGROUP: u32 = 64u;

fn flat_index(id: vec3u, groups: vec3u) -> u32 {
    return id.x + id.y * groups.x * WORKGROUP;
}
