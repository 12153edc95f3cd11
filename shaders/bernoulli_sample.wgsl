// samples [rows, COLUMNS]: 1 where a uniform number of 24 bits is below the probability, else 0.

override COLUMNS: u32;
override STREAM: u32;

@group(0) @binding(0) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(1) var<storage, read_write> samples: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn bernoulli_sample(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i >= arrayLength(&samples) {
        return;
    }
    let column = i % COLUMNS;
    let random = words(STREAM, step.first_row + i / COLUMNS, column / 4u);
    let uniform_number = f32(random[column % 4u] >> 8u) * 5.9604645e-8; // 2^-24
    samples[i] = select(0.0, 1.0, uniform_number < probabilities[i]);
}
