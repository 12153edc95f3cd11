//! Races in workgroup memory, within and between workgroups, and undefined reads.

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
fn atomics_do_not_race() {
    let text = "
@group(0) @binding(0) var<storage, read_write> total: atomic<u32>;
var<workgroup> local: atomic<u32>;
@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    atomicAdd(&local, lane);
    workgroupBarrier();
    if lane == 3u {
        atomicAdd(&total, atomicLoad(&local));
    }
}";
    assert_eq!(case(text).grid(5).buffer(&[7u32]).clean(0), [7 + 5 * 120]);
}

#[test]
fn a_lost_atomic() {
    let text = "
@group(0) @binding(0) var<storage, read_write> bins: array<u32, 4>;
@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    bins[lane % 4u] += 1u;
}";
    case(text).buffer(&[0u32; 4]).found(Kind::StorageRace);
    let twin = text
        .replace("array<u32, 4>", "array<atomic<u32>, 4>")
        .replace("bins[lane % 4u] += 1u", "atomicAdd(&bins[lane % 4u], 1u)");
    assert_eq!(case(&twin).buffer(&[0u32; 4]).clean(0), [4; 4]);
}

#[test]
fn an_order_that_matters() {
    let text = "
@group(0) @binding(0) var<storage, read_write> next: atomic<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    let place = atomicAdd(&next, 1u);
    result[place] = lane;
}";
    let case = case(text).buffer(&[0u32]).buffer(&[0u32; 16]);
    assert_eq!(case.found(Kind::OrderDependent).len(), 1);
    let text = text.replace("= lane", "= place");
    let twin = crate::run::Case { text, ..case };
    assert_eq!(twin.clean(1), (0..16).collect::<Vec<_>>());
}

#[test]
fn undefined_elements() {
    let text = "
@group(0) @binding(0) var<storage, read_write> a: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) lane: u32) {
    if lane < 3u {
        a[lane].x = lane;
    }
    result[lane] = a[lane].x;
}";
    let case = case(text).undefined(8).undefined(4);
    case.check(Kind::UndefinedRead, 9, "lane < 3u", "lane < 4u");
    let found = case.found(Kind::UndefinedRead);
    assert_eq!((found.len(), found[0].count), (1, 1));
    assert_eq!(found[0].invocation, [3, 0, 0]);
    assert!(found[0].message.ends_with("a[3].x"), "{found:?}");
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
fn an_update_in_two_operations() {
    let text = "
@group(0) @binding(0) var<storage, read_write> total: atomic<u32>;
@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    atomicStore(&total, atomicLoad(&total) + 1u);
}";
    let lost = case(text).buffer(&[0u32]);
    lost.found(Kind::OrderDependent);
    let text =
        text.replace("atomicStore(&total, atomicLoad(&total) + 1u)", "atomicAdd(&total, 1u)");
    assert_eq!(crate::run::Case { text, ..lost }.clean(0), [16]);
}

#[test]
fn undefined_workgroup_memory() {
    use wgvae::interpret::{Finding, Options};
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> words: array<u32, 8>;
var<workgroup> total: atomic<u32>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    if lane < 7u {
        words[lane] = lane;
    }
    workgroupBarrier();
    atomicAdd(&total, words[lane]);
    result[lane] = 1u;
}";
    let strict = Options { undefined_workgroup: true, ..Options::default() };
    let lines = |text: &str, options: &Options| -> Vec<_> {
        let report = case(text).grid(2).buffer(&[0u32; 8]).run_with(options);
        let of = |f: &Finding| (f.kind == Kind::UndefinedRead).then_some((f.place.line, f.count));
        report.findings.iter().filter_map(of).collect()
    };
    // The last word of each of two workgroups, and the total that begins undefined.
    assert_eq!(lines(text, &strict), [(11, 2), (11, 2)]);
    assert_eq!(lines(text, &Options::default()), []);
    let twin = text.replace("lane < 7u", "lane < 8u").replace(
        "    workgroupBarrier",
        "    if lane == 0u { atomicStore(&total, 0u); }\n    workgroupBarrier",
    );
    assert_eq!(lines(&twin, &strict), []);
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

#[test]
fn definedness_is_passed_on() {
    let text = "
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) lane: u32) {
    let word = a[lane + 4u];
    storageBarrier();
    a[lane + 1u] = word;
}";
    let mut case = case(text).undefined(8);
    case.dispatch.buffers[0].defined = Some([vec![false; 4], vec![true; 3]].concat());
    let report = case.run();
    let undefined = &report.findings[0];
    assert_eq!((undefined.kind, undefined.count), (Kind::UndefinedRead, 1));
    assert_eq!(undefined.element, Some(("a".to_owned(), 7)));
    let expected = [false, true, true, true, true, true, true, false];
    assert_eq!(report.buffers[0].defined, expected);
}

#[test]
fn the_last_workgroup_that_stores() {
    let text = "
@group(0) @binding(0) var<storage, read_write> last: atomic<u32>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
    atomicStore(&last, group.x);
}";
    let stores = case(text).grid(100).buffer(&[0u32]);
    stores.found(Kind::OrderDependent);
    (0..20).for_each(|_| assert_eq!(crate::run::words(&stores.run(), 0), [99]));
    let maximum = text.replace("atomicStore", "atomicMax");
    assert_eq!(crate::run::Case { text: maximum, ..stores }.clean(0), [99]);
}
