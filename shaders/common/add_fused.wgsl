// Adds the products of four k to a row's sums of four columns: b's columns are k, a is along k.
// Each product is added separately, so that a compiler may fuse the two operations, which GPUs do
// best.
fn add_row(sums: vec4f, b: mat4x4f, a: vec4f) -> vec4f {
    return sums + b[0] * a.x + b[1] * a.y + b[2] * a.z + b[3] * a.w;
}

// The same for four rows, which are the columns of sums and of a.
fn add_block(sums: mat4x4f, b: mat4x4f, a: mat4x4f) -> mat4x4f {
    return mat4x4f(
        add_row(sums[0], b, a[0]),
        add_row(sums[1], b, a[1]),
        add_row(sums[2], b, a[2]),
        add_row(sums[3], b, a[3]),
    );
}
