// Centred RMSProp: a mean and a variance follow the gradient, which is divided by its standard deviation.

#import common/arguments

override GAIN: f32; // 1 - decay
override SPREAD: f32; // (1 - decay) / decay
override EPSILON: f32;

fn rmsprop_centered_state_0(mean: Unit, gradient: Unit) -> Unit {
    return mean + (gradient - mean) * GAIN;
}

fn rmsprop_centered_state_1(variance: Unit, gradient: Unit, mean: Unit) -> Unit {
    let distance = gradient - mean;
    return variance + (SPREAD * distance * distance - GAIN * variance);
}

fn rmsprop_centered_weight(weight: Unit, gradient: Unit, mean: Unit, variance: Unit) -> Unit {
    return weight - args.learning_rate * gradient / (sqrt(variance) + EPSILON);
}
