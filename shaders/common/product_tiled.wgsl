// The product [M, N] = a b with inner dimension K, which every kernel that begins with one imports.
// The kernel's own file says where the operands are (a_at, b_at) and what becomes of the sums
// (finish). A workgroup of 16 x 16 invocations computes 64 rows of two groups of 64 columns, each
// invocation 4 rows of 4 columns and of their partners, SECOND columns further on. Blocks of 16
// along K are staged in the workgroup's memory.

override K: u32;
override SECOND: u32; // from a column to its partner
override STRIDE: u32; // from the columns of a workgroup to those of the next

override LANES: u32;     // invocations of a workgroup
override TILE_ROWS: u32; // rows of a tile

const SIDE = 16u;  // invocations along each side of a tile
const DEPTH = 16u; // elements of a block along K

var<workgroup> a_block: array<array<vec4f, 16>, 16>;      // [k][row / 4]
var<workgroup> b_first: array<array<vec4f, 16>, 16>;      // [k][column / 4]
var<workgroup> b_second: array<array<vec4f, 16>, 16>;     // [k][column / 4] of the partners

fn has_first(column: u32) -> bool {
    return column < first_columns();
}

fn has_second(column: u32) -> bool {
    return column < first_columns() && column + SECOND < columns();
}

// Lane i stages four rows of a and four columns of b with their partners, at one k.
fn stage(corner: vec2u, start: u32, lane: u32) {
    let k = start + lane / SIDE;
    let quad = lane % SIDE;
    var a = vec4f();
    var first = vec4f();
    var second = vec4f();
    if k < K {
        for (var j = 0u; j < 4u; j++) {
            let row = corner.y + 4u * quad + j;
            let column = corner.x + 4u * quad + j;
            if row < rows() {
                a[j] = a_at(row, k);
            }
            if has_first(column) {
                first[j] = b_at(k, column);
            }
            if has_second(column) {
                second[j] = b_at(k, column + SECOND);
            }
        }
    }
    a_block[lane / SIDE][quad] = a;
    b_first[lane / SIDE][quad] = first;
    b_second[lane / SIDE][quad] = second;
}

fn compute_tile(tile: vec2u, lane: u32) {
    let corner = tile * vec2u(STRIDE, TILE_ROWS);
    let local = vec2u(lane % SIDE, lane / SIDE);
    var first_0 = vec4f();
    var first_1 = vec4f();
    var first_2 = vec4f();
    var first_3 = vec4f();
    var second_0 = vec4f();
    var second_1 = vec4f();
    var second_2 = vec4f();
    var second_3 = vec4f();
    for (var start = 0u; start < K; start += DEPTH) {
        stage(corner, start, lane);
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let a = a_block[k][local.y];
            let first = b_first[k][local.x];
            let second = b_second[k][local.x];
            first_0 += a.x * first;
            first_1 += a.y * first;
            first_2 += a.z * first;
            first_3 += a.w * first;
            second_0 += a.x * second;
            second_1 += a.y * second;
            second_2 += a.z * second;
            second_3 += a.w * second;
        }
        workgroupBarrier();
    }
    let row = corner.y + 4u * local.y;
    let column = corner.x + 4u * local.x;
    if row < rows() {
        finish(row, column, first_0, second_0);
    }
    if row + 1u < rows() {
        finish(row + 1u, column, first_1, second_1);
    }
    if row + 2u < rows() {
        finish(row + 2u, column, first_2, second_2);
    }
    if row + 3u < rows() {
        finish(row + 3u, column, first_3, second_3);
    }
}
