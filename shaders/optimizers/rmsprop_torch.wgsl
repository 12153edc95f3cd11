// RMSProp as in PyTorch: a mean square follows the gradient, and epsilon is outside the root.

#import common/arguments

override GAIN: f32; // 1 - decay
override EPSILON: f32;

fn rmsprop_torch_state_0(mean_square: Unit, gradient: Unit) -> Unit {
    return mean_square + (gradient * gradient - mean_square) * GAIN;
}

fn rmsprop_torch_weight(weight: Unit, gradient: Unit, mean_square: Unit) -> Unit {
    return weight - args.learning_rate * gradient / (sqrt(mean_square) + EPSILON);
}
