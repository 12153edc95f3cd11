// The size of a product, and the step: kernel::Product in Rust. Sizes are no `override` constants, so
// that one pipeline serves all of them.

struct Product {
    step: Step,
    m: u32,      // rows
    n: u32,      // columns
    k: u32,      // terms of a sum
    first: u32,  // columns that have a tile of their own; the others are partners. Of the update:
                 // workgroups for biases
    second: u32, // from a column to its partner
    stride: u32, // from the columns of a tile to those of the next
    across: u32, // tiles side by side
    groups: u32, // workgroups for the tiles, of one slice
    slice: u32,  // terms of a sum that one workgroup adds
}

var<immediate> product: Product;
