// Updates ms += (dw^2 - ms) * GAIN, then w -= learning_rate * dw / sqrt(ms + EPSILON).

#import common/arguments
#import common/grid
#import common/scalar
#import common/descent

@group(0) @binding(0) var<storage, read_write> dw: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> ms: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn rmsprop(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&w) {
        let mean_square = mean_square_of(ms[i], dw[i]);
        ms[i] = mean_square;
        w[i] -= step_of(args.learning_rate, dw[i], mean_square);
    }
}
