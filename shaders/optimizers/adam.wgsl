// Adam: running means of the gradient and of its square, both corrected for starting at 0.

#import common/arguments
#import common/corrections

override FIRST_GAIN: f32; // 1 - beta1
override SECOND_GAIN: f32; // 1 - beta2
override EPSILON: f32;

fn adam_state_0(mean: Unit, gradient: Unit) -> Unit {
    return mean + (gradient - mean) * FIRST_GAIN;
}

fn adam_state_1(mean_square: Unit, gradient: Unit, mean: Unit) -> Unit {
    return mean_square + (gradient * gradient - mean_square) * SECOND_GAIN;
}

fn adam_weight(weight: Unit, gradient: Unit, mean: Unit, mean_square: Unit) -> Unit {
    let root = sqrt(mean_square * second_correction());
    return weight - args.learning_rate * (mean * first_correction()) / (root + EPSILON);
}
