// Four rows of sums, which are the columns of sums and of a, and what they get from four k, which are
// the columns of b. The four products come together before they are added: on a CPU, which does not
// fuse them, fewer operations then wait for one another.
fn add_block(sums: mat4x4f, b: mat4x4f, a: mat4x4f) -> mat4x4f {
    return sums + b * a;
}
