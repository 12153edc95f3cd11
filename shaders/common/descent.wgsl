// RMSProp: how a mean square follows the gradient, and how far the weight then moves.

override GAIN: f32; // 1 - decay
override EPSILON: f32;

fn mean_square_of(before: Unit, gradient: Unit) -> Unit {
    return before + (gradient * gradient - before) * GAIN;
}

fn step_of(learning_rate: f32, gradient: Unit, mean_square: Unit) -> Unit {
    return learning_rate * gradient / sqrt(mean_square + EPSILON);
}
