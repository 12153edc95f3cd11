// The product [M, N] = a b with inner dimension K, staged in the workgroup's memory. The kernel's own
// file says what the operands are (a_four, b_four) and what becomes of the sums (finish).
//
// A workgroup computes a tile of TILE_ROWS rows by TILE_COLUMNS columns and their partners, second
// columns further on; each invocation 4 rows of 4 columns and their partners. Vectors are staged as
// they are read, along k or across it, and put together as blocks of 4 by 4 when they are used.

override LANES: u32;        // invocations of a workgroup: TILE_ROWS / 4 times TILE_COLUMNS / 4
override TILE_ROWS: u32;
override TILE_COLUMNS: u32;
override TILE_LANES: u32;   // invocations that compute a tile: all
override A_VECTORS: u32;    // room for vectors of a: TILE_ROWS * ALONG
override B_VECTORS: u32;    // of b: TILE_COLUMNS * ALONG

const DEPTH = 16u; // staged along k at once
const ALONG = 5u;  // from a row of DEPTH / 4 vectors along k to the next: odd, to spread over banks

var<workgroup> a_staged: array<vec4f, A_VECTORS>;
var<workgroup> first_staged: array<vec4f, B_VECTORS>;
var<workgroup> second_staged: array<vec4f, B_VECTORS>;

fn has_first(column: u32) -> bool {
    return column < first_columns();
}

fn has_second(column: u32) -> bool {
    return column < first_columns() && column + product.second < columns();
}

fn stage(corner: vec2u, k: u32, lane: u32) {
    for (var i = lane; i < TILE_ROWS * DEPTH / 4u; i += LANES) {
        if TRANSPOSE_A {
            a_staged[i] = a_four(corner.y + i % (TILE_ROWS / 4u) * 4u, k + i / (TILE_ROWS / 4u));
        } else {
            let at = vec2u(i % (DEPTH / 4u), i / (DEPTH / 4u));
            a_staged[at.y * ALONG + at.x] = a_four(corner.y + at.y, k + 4u * at.x);
        }
    }
    for (var i = lane; i < TILE_COLUMNS * DEPTH / 4u; i += LANES) {
        if TRANSPOSE_B {
            let at = vec2u(i % (DEPTH / 4u), i / (DEPTH / 4u));
            let column = corner.x + at.y;
            first_staged[at.y * ALONG + at.x] = b_four(k + 4u * at.x, column);
            second_staged[at.y * ALONG + at.x] = b_four(k + 4u * at.x, column + product.second);
        } else {
            let column = corner.x + i % (TILE_COLUMNS / 4u) * 4u;
            first_staged[i] = b_four(k + i / (TILE_COLUMNS / 4u), column);
            second_staged[i] = b_four(k + i / (TILE_COLUMNS / 4u), column + product.second);
        }
    }
}

// Four vectors, from the one at `i` on, `step` apart.
fn a_block(i: u32, step: u32) -> mat4x4f {
    let j = i + 2u * step;
    return mat4x4f(a_staged[i], a_staged[i + step], a_staged[j], a_staged[j + step]);
}

fn first_block(i: u32, step: u32) -> mat4x4f {
    let j = i + 2u * step;
    return mat4x4f(first_staged[i], first_staged[i + step], first_staged[j], first_staged[j + step]);
}

fn second_block(i: u32, step: u32) -> mat4x4f {
    let j = i + 2u * step;
    return mat4x4f(second_staged[i], second_staged[i + step], second_staged[j], second_staged[j + step]);
}

fn compute_tile(tile: vec2u, lane: u32) {
    let corner = tile * vec2u(product.stride, TILE_ROWS);
    let local = vec2u(lane % (TILE_COLUMNS / 4u), lane / (TILE_COLUMNS / 4u));
    var first = mat4x4f();  // its columns are rows of the product
    var second = mat4x4f();
    for (var k = 0u; k < product.k; k += DEPTH) {
        stage(corner, k, lane);
        workgroupBarrier();
        for (var i = 0u; i < DEPTH / 4u; i++) {
            var a: mat4x4f; // columns along k
            if TRANSPOSE_A {
                a = transpose(a_block(i * TILE_ROWS + local.y, TILE_ROWS / 4u));
            } else {
                a = a_block(4u * local.y * ALONG + i, ALONG);
            }
            if TRANSPOSE_B {
                let at = 4u * local.x * ALONG + i;
                first += transpose(first_block(at, ALONG)) * a;
                second += transpose(second_block(at, ALONG)) * a;
            } else {
                let at = i * TILE_COLUMNS + local.x;
                first += first_block(at, TILE_COLUMNS / 4u) * a;
                second += second_block(at, TILE_COLUMNS / 4u) * a;
            }
        }
        workgroupBarrier();
    }
    let row = corner.y + 4u * local.y;
    let column = corner.x + 4u * local.x;
    for (var i = 0u; i < 4u; i++) {
        if row + i < rows() {
            finish(row + i, column, first[i], second[i]);
        }
    }
}
