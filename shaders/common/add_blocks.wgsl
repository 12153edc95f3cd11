// Adds the products of four k to the sums of four rows; rows are the columns of sums and of a, the
// four k are the columns of b. The four products are added up before they are added to the sums: on
// a CPU, which does not fuse them, this shortens the chain of dependent operations.
fn add_block(sums: mat4x4f, b: mat4x4f, a: mat4x4f) -> mat4x4f {
    return sums + b * a;
}
