// 1 if a < b, else 0.
fn less_value(a: Unit, b: Unit) -> Unit {
    return select(Unit(0.0), Unit(1.0), a < b);
}
