// Tensors are read and written four numbers at a time: the length of every row is a multiple of 4.

alias Unit = vec4f;
const UNIT = 4u; // numbers in a unit

fn part(four: vec4f, i: u32) -> Unit {
    return four;
}

fn total(unit: Unit) -> f32 {
    return unit.x + unit.y + unit.z + unit.w;
}
