// a + b.
fn add_value(a: Unit, b: Unit) -> Unit {
    return a + b;
}
