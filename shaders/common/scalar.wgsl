// Tensors are read and written one number at a time, so their rows may have any length.

alias Unit = f32;
const UNIT = 1u; // numbers in a unit

// Not four[i]: of that FXC makes the scalar product with a row of the unit matrix, and infinity times 0
// is NaN.
fn part(four: vec4f, i: u32) -> Unit {
    let two = select(four.xy, four.zw, i >= 2u);
    return select(two.x, two.y, i % 2u == 1u);
}

fn total(unit: Unit) -> f32 {
    return unit;
}
