// y [g, COLUMNS] = ln of the sums of exp(x), x [g * GROUP, COLUMNS], over groups of successive
// rows: one invocation per sum. The largest is subtracted first, so that no exponential overflows.

#import common/grid
#import common/scalar
#import common/log1p

override COLUMNS: u32;
override GROUP: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

const LARGEST = 3.4028234e38;

@compute @workgroup_size(WORKGROUP)
fn log_sum_exp(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&y) {
        return;
    }
    let start = i / COLUMNS * GROUP * COLUMNS + i % COLUMNS;
    var largest = -LARGEST;
    for (var row = 0u; row < GROUP; row++) {
        largest = max(largest, x[start + row * COLUMNS]);
    }
    // Finite, so that infinity is not subtracted from itself.
    largest = min(largest, LARGEST);
    var sum = 0.0;
    for (var row = 0u; row < GROUP; row++) {
        sum += exp(x[start + row * COLUMNS] - largest);
    }
    y[i] = largest + log_accurate(sum);
}
