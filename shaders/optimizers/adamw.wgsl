// AdamW: the weight decays, then Adam's update.

#import optimizers/adam

override DECAY: f32;

fn adamw_state_0(mean: Unit, gradient: Unit) -> Unit {
    return adam_state_0(mean, gradient);
}

fn adamw_state_1(mean_square: Unit, gradient: Unit, mean: Unit) -> Unit {
    return adam_state_1(mean_square, gradient, mean);
}

fn adamw_weight(weight: Unit, gradient: Unit, mean: Unit, mean_square: Unit) -> Unit {
    let decayed = weight - args.learning_rate * DECAY * weight;
    return adam_weight(decayed, gradient, mean, mean_square);
}
