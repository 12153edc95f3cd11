//! The last timed steps as a trace for Perfetto or `chrome://tracing`, in Chrome's Trace Event
//! Format: a track of the host, and one of the device.

use super::Profile;
use crate::device::Span;
use serde_json::{Value, json};

const HOST: u32 = 1;
const DEVICE: u32 = 2;

/// Returns a trace of the last steps of a profile that were timed kernel by kernel. The device's
/// clock is not the host's: the last kernel's end is placed at the end of the host's wait, so the
/// device may be ahead of the trace by the time that the wait took to return.
pub fn trace(profile: &Profile) -> Value {
    let Profile { timed, launches, adapter, .. } = profile;
    let mut events = vec![name(HOST, "host"), name(DEVICE, adapter)];
    for (what, span) in [("record", timed.record), ("submit", timed.submit), ("wait", timed.wait)] {
        events.push(event(HOST, what, span, json!({ "steps": timed.steps.len() })));
    }
    for (number, step) in timed.steps.iter().enumerate() {
        for (launch, &span) in launches.iter().zip(step) {
            let details = json!({
                "step": number,
                "variant": launch.variant,
                "call": launch.call.to_string(),
                "workgroups": launch.workgroups,
                "flops": launch.cost.flops,
                "bytes": launch.cost.bytes,
            });
            events.push(event(DEVICE, &launch.kernel, span, details));
        }
    }
    json!({ "traceEvents": events, "displayTimeUnit": "ns" })
}

/// Returns the event that names a track.
fn name(track: u32, name: &str) -> Value {
    json!({ "ph": "M", "name": "thread_name", "pid": 1, "tid": track, "args": { "name": name } })
}

fn event(track: u32, name: &str, span: Span, details: Value) -> Value {
    let us = |time: std::time::Duration| time.as_secs_f64() * 1e6;
    json!({
        "ph": "X",
        "name": name,
        "pid": 1,
        "tid": track,
        "ts": us(span.began),
        "dur": us(span.duration()),
        "args": details,
    })
}
