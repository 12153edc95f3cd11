// What changes from step to step: kernel::StepArguments in Rust.

struct Step {
    index: u32,      // steps before this one
    first_row: u32,  // where the step's rows begin in the shuffled data set
    seed_low: u32,
    seed_high: u32,
    learning_rate: f32,
}
