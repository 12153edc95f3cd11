// a * b.
fn multiply_value(a: Unit, b: Unit) -> Unit {
    return a * b;
}
