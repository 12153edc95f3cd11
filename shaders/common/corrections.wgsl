// Factors of an optimiser's running means, which begin at 0, and of the average of the weights. They are
// in the place of two sizes and a weight that updates do not have: browsers allow 64 bytes of immediate
// data.

#import common/arguments

fn first_correction() -> f32 {
    return bitcast<f32>(args.m);
}

fn second_correction() -> f32 {
    return bitcast<f32>(args.n);
}

fn average_gain() -> f32 {
    return args.kl_weight;
}
