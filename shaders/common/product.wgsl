// The product [M, N] = a b with inner dimension K, which every kernel that begins with one imports.
// The kernel's own file says where the operands are (a_at, b_at) and what becomes of the sums
// (finish). A workgroup of 16 x 16 invocations computes 64 rows of two groups of 64 columns, each
// invocation 4 rows of 4 columns and of their partners, SECOND columns further on. Blocks of 16
// along K are staged in the workgroup's memory.

override M: u32;
override N: u32;
override K: u32;
override FIRST: u32;  // columns that have a tile of their own; the others are partners
override SECOND: u32; // from a column to its partner
override STRIDE: u32; // from the columns of a workgroup to those of the next

const SIDE = 16u;  // invocations along each side of the workgroup
const DEPTH = 16u; // elements of a block along K

var<workgroup> a_block: array<array<vec4f, 16>, 16>;      // [k][row / 4]
var<workgroup> b_first: array<array<vec4f, 16>, 16>;      // [k][column / 4]
var<workgroup> b_second: array<array<vec4f, 16>, 16>;     // [k][column / 4] of the partners

fn has_first(column: u32) -> bool {
    return column < FIRST;
}

fn has_second(column: u32) -> bool {
    return column < FIRST && column + SECOND < N;
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
            if row < M {
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

@compute @workgroup_size(16, 16)
fn product(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let corner = group.xy * vec2u(STRIDE, 64u);
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
            let rows = a_block[k][local.y];
            let first = b_first[k][local.x];
            let second = b_second[k][local.x];
            first_0 += rows.x * first;
            first_1 += rows.y * first;
            first_2 += rows.z * first;
            first_3 += rows.w * first;
            second_0 += rows.x * second;
            second_1 += rows.y * second;
            second_2 += rows.z * second;
            second_3 += rows.w * second;
        }
        workgroupBarrier();
    }
    let row = corner.y + 4u * local.y;
    let column = corner.x + 4u * local.x;
    if row < M {
        finish(row, column, first_0, second_0);
    }
    if row + 1u < M {
        finish(row + 1u, column, first_1, second_1);
    }
    if row + 2u < M {
        finish(row + 2u, column, first_2, second_2);
    }
    if row + 3u < M {
        finish(row + 3u, column, first_3, second_3);
    }
}
