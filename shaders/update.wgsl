// The gradients of all layers, used where they are computed: dweight = x^T dy with x [K, inputs]
// and dy [K, outputs], dbias = the column sums of dy, and the optimiser on both. No gradient is
// stored.
//
// First come the workgroups for the tiles of all weights, layer by layer; then those for the
// biases, one invocation per unit; then one for each term of the loss, whose sum goes to the step's
// row of the log.

#import common/arguments
#import common/number
#import common/reduce
#import common/fours
#import common/each

override LOG_ROWS: u32;

@group(0) @binding(0) var<storage, read_write> workspace: array<Unit>;
@group(0) @binding(1) var<storage, read_write> parameters: array<Unit>;
@group(0) @binding(2) var<storage, read_write> states: array<Unit>;
@group(0) @binding(3) var<storage, read_write> loss_log: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<u32>;

// The table begins with the number of layers, the number of terms, and the columns of the log. Then
// come the layers, each with its sizes, the beginnings of its matrices, and its targets; then the
// terms, each with its beginning, its length, and its column of the log.
const HEAD = 3u;
const TARGETS = 4u; // from the beginning of a layer's entries to its weight's
const PARAMETER = 1u + STATES; // entries of a weight or bias
const LAYER = TARGETS + 2u * PARAMETER;

// This invocation's layer: its sizes, and the beginnings of its matrices, in elements of their
// buffers.
var<private> inputs: u32;
var<private> outputs: u32;
var<private> x: u32;
var<private> dy: u32;
var<private> weight: u32;
var<private> bias: u32;

fn enter_layer(i: u32) {
    let at = HEAD + LAYER * i;
    inputs = table[at];
    outputs = table[at + 1u];
    x = table[at + 2u];
    dy = table[at + 3u];
    weight = table[at + TARGETS];
    bias = table[at + TARGETS + PARAMETER];
    enter_states(at + TARGETS + 1u, at + TARGETS + PARAMETER + 1u);
}

fn rows() -> u32 {
    return inputs;
}

fn columns() -> u32 {
    return outputs;
}

fn first_columns() -> u32 {
    return outputs;
}

const TRANSPOSE_A = true;
const TRANSPOSE_B = false;

fn a_unit(i: u32) -> Unit {
    return workspace[i];
}

fn b_unit(i: u32) -> Unit {
    return workspace[i];
}

// Beyond K any finite number is correct, since b is 0.
fn a_four(row: u32, k: u32) -> vec4f {
    return a_load(x + min(k, args.k - 1u) * inputs + row);
}

fn b_four(k: u32, column: u32) -> vec4f {
    return select(vec4f(), b_load(dy + k * outputs + column), k < args.k);
}

fn finish_one(row: u32, column: u32, gradient: Unit) {
    update_weight(row * outputs + column, gradient);
}

// Updates unit `index` of all biases.
fn update_biases(index: u32) {
    var rest = index;
    for (var i = 0u; i < table[0]; i++) {
        enter_layer(i);
        let units = outputs / UNIT;
        if rest < units {
            var gradient = Unit(0.0);
            for (var k = 0u; k < args.k; k++) {
                gradient += workspace[dy / UNIT + k * units + rest];
            }
            update_bias(rest * UNIT, gradient);
            return;
        }
        rest -= units;
    }
}

fn sum_term(i: u32, lane: u32) {
    let at = HEAD + LAYER * table[0] + 3u * i;
    let start = table[at];
    let end = start + table[at + 1u];
    var sum = 0.0;
    for (var element = start + lane; element < end; element += LANES) {
        // Selects one number, since the other three may be infinite.
        sum += number(vec4f(workspace[element / UNIT]), element % UNIT);
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        loss_log[(args.index % LOG_ROWS) * table[2] + table[at + 2u]] = total;
    }
}

// Finds the layer of a tile, and the tile's place in it.
fn tile_of(index: u32) -> vec2u {
    var rest = index;
    for (var i = 0u; i < table[0]; i++) {
        enter_layer(i);
        let across = (columns() + args.stride - 1u) / args.stride;
        let down = (rows() + TILE_ROWS - 1u) / TILE_ROWS;
        if rest < across * down {
            return vec2u(rest % across, rest / across);
        }
        rest -= across * down;
    }
    // The last workgroup of tiles may not be full: returns a place below all rows.
    return vec2u(0u, 0x10000u);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let own = group.x + group.y * groups.x;
    let index = first_slice(own);
    let tiles_end = args.groups;
    let biases_end = tiles_end + args.first;
    if index < tiles_end {
        let tile = tile_of(tile_index(index, lane));
        compute_tile(own, tile, lane % TILE_LANES);
    } else if index < biases_end {
        update_biases((index - tiles_end) * LANES + lane);
    } else if index < biases_end + table[1] {
        sum_term(index - biases_end, lane);
    }
}
