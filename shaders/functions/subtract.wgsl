// a - b.
fn subtract_value(a: Unit, b: Unit) -> Unit {
    return a - b;
}
