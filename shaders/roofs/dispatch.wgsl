// y += x, in one vector: as little as a dispatch can do that must wait for the one before it.

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(1)
fn dispatch_roof() {
    y[0] += x[0];
}
