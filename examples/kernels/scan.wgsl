// Inclusive sums of each block of SIZE numbers, one block per workgroup: within subgroups, then of
// the subgroups' totals.

override SIZE: u32 = 128;

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;

// Totals of the subgroups, of which there are SIZE / 4 at most.
var<workgroup> totals: array<u32, SIZE / 4>;

@compute @workgroup_size(SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_invocation_id) place: u32,
) {
    let count = arrayLength(&numbers);
    var number = 0u;
    if id.x < count {
        number = numbers[id.x];
    }
    var sum = subgroupInclusiveAdd(number);
    if place == subgroup_size - 1u {
        totals[subgroup] = sum;
    }
    workgroupBarrier();
    for (var i = 0u; i < subgroup; i++) {
        sum += totals[i];
    }
    if id.x < count {
        sums[id.x] = sum;
    }
}
