// Arguments of a dispatch besides its buffers: kernel::Arguments in Rust.

struct Arguments {
    index: u32,     // steps before this one
    first_row: u32, // where the step's rows begin in the shuffled data set
    seed_low: u32,
    seed_high: u32,
    learning_rate: f32,
    kl_weight: f32,         // of updates, the gain of the average (common/corrections)
    gradient_scale: f32,    // factor of every gradient, in the updates
    m: u32,      // rows; of updates, the bits of the first correction (common/corrections)
    n: u32,      // columns; of updates, the bits of the second correction
    k: u32,      // terms of a sum
    first: u32,  // columns that have a tile of their own; the others are partners. Of the update:
                 // workgroups for biases
    second: u32, // from a column to its partner
    stride: u32, // from the columns of a tile to those of the next
    across: u32, // tiles side by side
    groups: u32, // workgroups for the tiles, of one slice
    slice: u32,  // terms of a sum that one workgroup adds
}

// No `override` constants, so that one pipeline serves all sizes and all steps.
var<immediate> args: Arguments;
