// The gradients of all layers, used where they arise: dweight = x^T dy with x [K, inputs] and
// dy [K, outputs], dbias = the column sums of dy, and RMSProp on both. No gradient is stored. A bias
// is the weight of an input that is always 1, so it is one more row of the product.
//
// The tiles of the first layer come first, then those of the next; after the last come the terms of
// the loss, a workgroup for each, whose sums go to the step's row of the log.

override LEARNING_RATE: f32;
override GAIN: f32; // 1 - decay
override EPSILON: f32;
override LAYERS: u32;
override TILES: u32; // of all layers
override LOG_ROWS: u32;
override LOG_COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> workspace: array<f32>;
@group(0) @binding(1) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean_squares: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss_log: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<u32>; // the layers, then the terms

// Where its matrices begin, in elements of their buffers.
struct Layer {
    inputs: u32,
    outputs: u32,
    x: u32,
    dy: u32,
    weight: u32,
    weight_mean_square: u32,
    bias: u32,
    bias_mean_square: u32,
}

var<private> layer: Layer;

fn layer_at(i: u32) -> Layer {
    let at = 8u * i;
    return Layer(table[at], table[at + 1u], table[at + 2u], table[at + 3u],
        table[at + 4u], table[at + 5u], table[at + 6u], table[at + 7u]);
}

fn rows() -> u32 {
    return layer.inputs + 1u;
}

fn columns() -> u32 {
    return layer.outputs;
}

fn first_columns() -> u32 {
    return layer.outputs;
}

fn a_at(row: u32, k: u32) -> f32 {
    return select(workspace[layer.x + k * layer.inputs + min(row, layer.inputs - 1u)], 1.0, row == layer.inputs);
}

fn b_at(k: u32, column: u32) -> f32 {
    return workspace[layer.dy + k * layer.outputs + column];
}

fn finish_one(row: u32, column: u32, gradient: f32) {
    let i = row * layer.outputs + column;
    let is_bias = row == layer.inputs;
    let w = select(layer.weight + i, layer.bias + column, is_bias);
    let ms = select(layer.weight_mean_square + i, layer.bias_mean_square + column, is_bias);
    let before = mean_squares[ms];
    let mean_square = before + (gradient * gradient - before) * GAIN;
    mean_squares[ms] = mean_square;
    parameters[w] -= LEARNING_RATE * gradient / sqrt(mean_square + EPSILON);
}

fn sum_term(i: u32, lane: u32) {
    let at = 8u * LAYERS + 3u * i;
    let start = table[at];
    let end = start + table[at + 1u];
    var sum = 0.0;
    for (var element = start + lane; element < end; element += LANES) {
        sum += workspace[element];
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        loss_log[(step.index % LOG_ROWS) * LOG_COLUMNS + table[at + 2u]] = total;
    }
}

// Finds the layer of a tile, and the tile's place in it.
fn tile_of(index: u32) -> vec2u {
    var rest = index;
    for (var i = 0u; i < LAYERS; i++) {
        layer = layer_at(i);
        let wide = (columns() + STRIDE - 1u) / STRIDE;
        let tall = (rows() + TILE_ROWS - 1u) / TILE_ROWS;
        if rest < wide * tall {
            return vec2u(rest % wide, rest / wide);
        }
        rest -= wide * tall;
    }
    return vec2u(); // not reached: there are TILES tiles
}

@compute @workgroup_size(LANES)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    if group.x < TILES {
        compute_tile(tile_of(group.x), lane);
    } else {
        sum_term(group.x - TILES, lane);
    }
}
