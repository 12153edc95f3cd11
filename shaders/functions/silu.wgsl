// x * sigmoid(x).

#import functions/sigmoid

fn silu_value(x: Unit) -> Unit {
    return x * sigmoid_value(x);
}

fn silu_slope(x: Unit) -> Unit {
    let s = sigmoid_value(x);
    return s + x * (s * (1.0 - s));
}
