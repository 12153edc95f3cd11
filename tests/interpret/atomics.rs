//! Atomics: they do not race, but their order may matter.

use crate::run::case;
use wgvae::interpret::Kind;

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

#[test]
fn a_barrier_of_the_wrong_memory_before_an_atomic_load() {
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> total: atomic<u32>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    atomicAdd(&total, lane);
    storageBarrier();
    result[lane] = atomicLoad(&total);
}";
    let sums = case(text).buffer(&[0u32; 8]);
    sums.check(Kind::WorkgroupRace, 8, "storageBarrier", "workgroupBarrier");
}
