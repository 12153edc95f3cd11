//! Counts against numbers that follow from the programs.

use crate::run::case;
use wgvae::interpret::{Options, Traffic};

#[test]
fn operations_and_bytes() {
    let text = "
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> scale: vec2f;
var<workgroup> words: array<f32, 32>;
@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let v = a[id.x % 8u];
    words[lane] = dot(v, v) * scale.x;
    workgroupBarrier();
    result[id.x] = fma(words[lane ^ 1u], 2.0, sqrt(v.y));
}";
    let report =
        case(text).grid(3).buffer(&[1.0f32; 40]).buffer(&[0.0f32; 96]).buffer(&[1.0f32; 2]).run();
    let counts = report.counts;
    let invocations = 96;
    assert_eq!(counts.invocations, invocations);
    assert_eq!(counts.flops, invocations * (7 + 1 + 1));
    assert_eq!(counts.fma, invocations);
    assert_eq!(counts.integer_ops, invocations * 2);
    let traffic = |loads, load_bytes, stores, store_bytes| Traffic {
        loads: loads * invocations,
        load_bytes: load_bytes * invocations,
        stores: stores * invocations,
        store_bytes: store_bytes * invocations,
    };
    assert_eq!(counts.storage, traffic(1, 16, 1, 4));
    assert_eq!(counts.workgroup, traffic(1, 4, 1, 4));
    assert_eq!(counts.uniform, traffic(1, 4, 0, 0));
    assert_eq!(counts.distinct_bytes, 8 * 16 + 96 * 4);
    assert_eq!(counts.barriers, 3);
}

/// Bank conflicts of 32 invocations that access every `stride`-th word once.
fn conflicts(stride: u32) -> u64 {
    let text = format!(
        "
@group(0) @binding(0) var<storage, read_write> result: array<f32>;
var<workgroup> words: array<f32, 2048>;
@compute @workgroup_size(32)
fn main(@builtin(local_invocation_index) lane: u32) {{
    result[lane] = words[lane * {stride}u];
}}"
    );
    let options = Options { bank_conflicts: true, ..Options::default() };
    case(&text).buffer(&[0.0f32; 32]).run_with(&options).counts.bank_conflicts
}

#[test]
fn bank_conflicts() {
    assert_eq!([0, 1, 2, 3, 32, 33].map(conflicts), [0, 0, 1, 0, 31, 0]);
}
