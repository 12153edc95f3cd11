// dlogits [rows, COLUMNS] = dlog_likelihood [rows, 1] * (x - sigmoid(logits)).

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> dlog_likelihood: array<f32>;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn bernoulli_log_likelihood_backward(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&dlogits) {
        dlogits[i] = dlog_likelihood[i / COLUMNS] * (x[i] - sigmoid_of(logits[i]));
    }
}
