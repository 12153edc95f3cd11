//! Races in workgroup memory, and in storage within and between workgroups.

use crate::run::case;
use wgvae::interpret::Kind;

const ROTATE: &str = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> shared_words: array<u32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    shared_words[lane] = lane * lane;
    workgroupBarrier();
    result[lane] = shared_words[(lane + 1u) % 64u];
}";

#[test]
fn a_missing_barrier() {
    let rotate = case(ROTATE).buffer(&[0u32; 64]);
    let expected: Vec<_> = (0..64u32).map(|lane| ((lane + 1) % 64).pow(2)).collect();
    assert_eq!(rotate.clean(0), expected);
    let mut faulty = rotate.clone();
    faulty.text = ROTATE.replace("workgroupBarrier();", "");
    let found = faulty.found(Kind::WorkgroupRace);
    let race = &found[0];
    let other = race.other.unwrap_or_else(|| panic!("{race:?}"));
    let lines = [race.place.line, other.place.line];
    assert!(lines == [6, 8] || lines == [8, 6], "{race:?}");
    assert_ne!(race.invocation, other.invocation);
    assert!(race.message.contains("shared_words["), "{race:?}");
    faulty.found(Kind::OrderDependent);
}

#[test]
fn a_barrier_of_the_wrong_memory() {
    let text = ROTATE.replace("workgroupBarrier", "storageBarrier");
    case(&text).buffer(&[0u32; 64]).check(
        Kind::WorkgroupRace,
        8,
        "storageBarrier",
        "workgroupBarrier",
    );
}

#[test]
fn a_loop_without_its_second_barrier() {
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> one: u32;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    for (var i = 0u; i < 8u; i++) {
        if lane == i {
            one = i;
        }
        workgroupBarrier();
        result[lane] += one;
        // again
    }
}";
    let twin = "workgroupBarrier(); // again";
    case(text).buffer(&[0u32; 8]).check(Kind::WorkgroupRace, 8, "// again", twin);
}

#[test]
fn storage_within_a_workgroup() {
    let text = "
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    a[lane] = lane;
    workgroupBarrier();
    result[lane] = a[15u - lane];
}";
    let case = case(text).buffer(&[0u32; 16]).buffer(&[0u32; 16]);
    case.check(Kind::StorageRace, 8, "workgroupBarrier", "storageBarrier");
}

#[test]
fn storage_between_workgroups() {
    let text = "
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x % 100u;
    a[i] += 1u;
}";
    let raced = case(text).grid(8).buffer(&[0u32; 128]);
    raced.check(Kind::StorageRace, 6, "% 100u", "% 128u");
    let found = raced.found(Kind::StorageRace);
    assert_eq!(found[0].count, 28);
    let other = found[0].other.unwrap_or_else(|| panic!("{found:?}"));
    assert_ne!(found[0].workgroup, other.workgroup);
    // Threads must not change the findings.
    (0..20).for_each(|_| assert_eq!(raced.found(Kind::StorageRace), found));
}

#[test]
fn a_barrier_of_a_subgroup() {
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> words: array<u32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    words[lane] = lane;
    subgroupBarrier();
    result[lane] = words[lane ^ 3u];
}";
    let quads = case(text).buffer(&[0u32; 64]);
    assert_eq!(quads.clean(0), (0..64).map(|lane| lane ^ 3).collect::<Vec<_>>());
    // Invocations of another subgroup are not ordered.
    let wide = crate::run::Case { text: text.replace("^ 3u", "^ 32u"), ..quads };
    wide.found(Kind::WorkgroupRace);
}

#[test]
fn components_of_one_vector() {
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<vec4u>;
var<workgroup> vectors: array<vec4u, 4>;
@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    vectors[lane / 4u][lane % 4u] = lane;
    workgroupBarrier();
    if lane < 4u {
        result[lane] = vectors[lane];
    }
}";
    let vectors = case(text).buffer(&[0u32; 16]);
    let found = vectors.found(Kind::WorkgroupRace);
    assert_eq!(found[0].place.line, 6);
    assert!(found[0].message.contains("component"), "{found:?}");
    let twin = text
        .replace("array<vec4u, 4>", "array<u32, 16>")
        .replace("= vectors[lane]", "= GATHERED")
        .replace("vectors[lane / 4u][lane % 4u]", "vectors[lane]")
        .replace(
            "GATHERED",
            "vec4u(vectors[4u * lane], vectors[4u * lane + 1u], vectors[4u * lane + 2u], vectors[4u * lane + 3u])",
        );
    let twin = crate::run::Case { text: twin, ..vectors };
    assert_eq!(twin.clean(0), (0..16).collect::<Vec<_>>());
    // One invocation may write a vector in parts.
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<vec2u>;
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    result[id.x].x = id.x;
    result[id.x].y = id.x;
}";
    let expected: Vec<_> = (0..64).map(|i| i / 2).collect();
    assert_eq!(case(text).grid(2).buffer(&[0u32; 64]).clean(0), expected);
}
