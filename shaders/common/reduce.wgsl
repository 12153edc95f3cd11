// One workgroup per row. The sum over a workgroup's lanes is always the same binary tree, so equal
// inputs give equal bits.

override WORKGROUP: u32 = 64u;

var<workgroup> partial_sums: array<f32, WORKGROUP>;

// Every lane of the workgroup must call this; WORKGROUP is a power of two.
fn workgroup_sum(lane: u32, value: f32) -> f32 {
    partial_sums[lane] = value;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial_sums[lane] += partial_sums[lane + half];
        }
        workgroupBarrier();
    }
    return partial_sums[0];
}

fn flat_row(group: vec3u, groups: vec3u) -> u32 {
    return group.x + group.y * groups.x;
}
