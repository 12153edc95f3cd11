// Counts of numbers in BINS ranges of WIDTH; larger numbers count in the last range. Each workgroup
// counts in its own memory first.

override BINS: u32 = 16;
override WIDTH: u32 = 16;
override SIZE: u32 = 64;

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read_write> bins: array<atomic<u32>>;

var<workgroup> local_bins: array<atomic<u32>, BINS>;

@compute @workgroup_size(SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(num_workgroups) groups: vec3u,
) {
    for (var i = id.x; i < arrayLength(&numbers); i += groups.x * SIZE) {
        let bin = min(numbers[i] / WIDTH, BINS - 1u);
        atomicAdd(&local_bins[bin], 1u);
    }
    workgroupBarrier();
    for (var bin = lane; bin < BINS; bin += SIZE) {
        atomicAdd(&bins[bin], atomicLoad(&local_bins[bin]));
    }
}
