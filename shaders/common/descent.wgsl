// RMSProp: how a mean square follows the gradient, and how far the weight then moves.

override LEARNING_RATE: f32;
override GAIN: f32; // 1 - decay
override EPSILON: f32;

fn mean_square_of(before: Unit, gradient: Unit) -> Unit {
    return before + (gradient * gradient - before) * GAIN;
}

fn step_of(gradient: Unit, mean_square: Unit) -> Unit {
    return LEARNING_RATE * gradient / sqrt(mean_square + EPSILON);
}
