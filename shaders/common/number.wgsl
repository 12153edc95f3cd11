// Element i of four. Not written as four[i]: FXC compiles that to the scalar product with a row of
// the unit matrix, and infinity times 0 is NaN.
fn number(four: vec4f, i: u32) -> f32 {
    let two = select(four.xy, four.zw, i >= 2u);
    return select(two.x, two.y, i % 2u == 1u);
}
