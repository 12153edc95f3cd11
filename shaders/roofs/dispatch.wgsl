// y += x, in one vector: the smallest dispatch that must wait for the previous one.

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(1)
fn dispatch_roof() {
    y[0] += x[0];
}
