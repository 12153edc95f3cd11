// Rotates the columns of a matrix one place to the left.
fn turn(m: mat4x4f) -> mat4x4f {
    return mat4x4f(m[1], m[2], m[3], m[0]);
}
