//! Control flow, pointers, structs and variables.

use crate::run::case;

/// Runs `body`, which sets `n` from the index `lane`, for eight invocations.
fn each(declarations: &str, body: &str) -> Vec<u32> {
    let text = format!(
        "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
{declarations}
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {{
    var n = 0u;
    {body}
    result[lane] = n;
}}"
    );
    case(&text).buffer(&[99u32; 8]).clean(0)
}

fn expect(declarations: &str, body: &str, expected: impl Fn(u32) -> u32) {
    assert_eq!(each(declarations, body), (0..8).map(expected).collect::<Vec<_>>(), "{body}");
}

#[test]
fn loops() {
    expect("", "for (var i = 0u; i < lane; i++) { n += i; }", |lane| (0..lane).sum());
    expect("", "while n < lane { n += 2u; }", |lane| lane.next_multiple_of(2));
    expect(
        "",
        "var i = 0u;
        loop {
            if i == 3u { i += 2u; continue; }
            if i >= 7u { break; }
            n += i;
            continuing { i++; break if i > lane; }
        }",
        |lane| {
            let (mut i, mut n) = (0, 0);
            loop {
                if i == 3 {
                    i += 2;
                } else if i >= 7 {
                    return n;
                } else {
                    n += i;
                }
                i += 1;
                if i > lane {
                    return n;
                }
            }
        },
    );
    // A variable in a loop is zero in each iteration.
    expect("", "for (var i = 0u; i < lane; i++) { var once: u32; once++; n += once; }", |l| l);
}

#[test]
fn switches() {
    expect(
        "",
        "switch i32(lane) - 2 {
            case -1, 0: { n = 10u; }
            case 3: { if lane == 5u { break; } n = 1u; }
            default: { n = 20u; }
        }",
        |lane| match lane {
            1 | 2 => 10,
            5 => 0,
            _ => 20,
        },
    );
    expect(
        "",
        "for (var i = 0u; i < 4u; i++) {
            switch i {
                case 1u: { continue; }
                case 2u, default: { n += i + lane; }
            }
            n += 100u;
        }",
        |lane| 300 + 5 + 3 * lane,
    );
}

#[test]
fn functions_and_pointers() {
    let swap = "
        fn swap(a: ptr<function, u32>, b: ptr<function, u32>) { let t = *a; *a = *b; *b = t; }
        fn early(x: u32) -> u32 { if x > 3u { return x; } return 10u * x; }";
    expect(swap, "var other = lane; swap(&n, &other); n += other;", |lane| lane);
    expect(swap, "n = early(early(lane));", |lane| {
        let early = |x| if x > 3 { x } else { 10 * x };
        early(early(lane))
    });
    // A pointer to an element with a dynamic index, behind a constant offset.
    let nested = "
        struct Inner { skipped: vec3u, values: array<u32, 4> }
        struct Outer { first: u32, inners: array<Inner, 2> }
        fn assign(p: ptr<function, Inner>, i: u32) { (*p).values[i] = 5u; (*p).skipped.y += 1u; }";
    expect(
        nested,
        "var outer: Outer;
        outer.inners[1].skipped = vec3u(lane);
        assign(&outer.inners[lane % 2u], lane % 4u);
        let copy = outer.inners[1];
        n = copy.values[lane % 4u] * 100u + copy.skipped.y * 10u + copy.skipped.z;",
        |lane| match lane % 2 {
            0 => 11 * lane,
            _ => 500 + 10 * (lane + 1) + lane,
        },
    );
    let private = "
        var<private> count: u32 = 3u;
        const table = array<u32, 3>(7u, 8u, 9u);
        fn bump(p: ptr<private, u32>) -> u32 { *p += 1u; return *p; }";
    expect(private, "n = bump(&count) * 10u + bump(&count) + table[lane % 3u];", |lane| {
        45 + 7 + lane % 3
    });
}

#[test]
fn layouts_with_padding() {
    let text = "
struct Item { a: vec3f, b: f32, c: mat3x2f, d: vec2u, e: f16 }
struct All { head: u32, items: array<Item> }
enable f16;
@group(0) @binding(0) var<storage, read> all: All;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(1)
fn main() {
    let item = all.items[1];
    result[0] = item.a.z;
    result[1] = item.b;
    result[2] = item.c[2].y;
    result[3] = f32(item.d.y);
    result[4] = f32(item.e);
    result[5] = f32(arrayLength(&all.items));
}";
    let text = format!("enable f16;{}", text.replace("enable f16;\n", ""));
    // An item has 64 bytes and begins at a multiple of 16.
    let mut words = vec![0u32; 4 + 32];
    let item = &mut words[4 + 16..];
    item[2] = 1.5f32.to_bits();
    item[3] = 2.5f32.to_bits();
    item[9] = 3.5f32.to_bits();
    item[11] = 42;
    item[12] = half::f16::from_f32(0.25).to_bits().into();
    let case = case(&text).buffer(&words).buffer(&[0f32; 6]);
    assert_eq!(case.reals(1), [1.5, 2.5, 3.5, 42.0, 0.25, 2.0]);
}

#[test]
fn atomics() {
    let declarations = "var<workgroup> shared_words: array<atomic<i32>, 8>;";
    let body = |operation: &str| {
        format!(
            "atomicStore(&shared_words[lane], i32(lane));
            let old = {operation};
            n = u32(10 * atomicLoad(&shared_words[lane]) + old);"
        )
    };
    let at = |operation, expected: fn(i32) -> i32| {
        expect(declarations, &body(operation), |lane| {
            (10 * expected(lane as i32) + lane as i32) as u32
        });
    };
    at("atomicAdd(&shared_words[lane], 5)", |old| old + 5);
    at("atomicSub(&shared_words[lane], 5)", |old| old - 5);
    at("atomicMin(&shared_words[lane], -1)", |old| old.min(-1));
    at("atomicMax(&shared_words[lane], 3)", |old| old.max(3));
    at("atomicAnd(&shared_words[lane], 6)", |old| old & 6);
    at("atomicOr(&shared_words[lane], 6)", |old| old | 6);
    at("atomicXor(&shared_words[lane], 6)", |old| old ^ 6);
    at("atomicExchange(&shared_words[lane], 9)", |_| 9);
    let exchange = "atomicStore(&shared_words[lane], i32(lane));
        let r = atomicCompareExchangeWeak(&shared_words[lane], 3, 50);
        n = u32(r.old_value) + 100u * u32(r.exchanged) + u32(atomicLoad(&shared_words[lane]));";
    expect(declarations, exchange, |lane| if lane == 3 { 3 + 100 + 50 } else { 2 * lane });
}

#[test]
fn uniform_loads() {
    let declarations = "var<workgroup> chosen: u32;";
    let body = "if lane == 5u { chosen = 42u; } n = workgroupUniformLoad(&chosen);";
    expect(declarations, body, |_| 42);
}
