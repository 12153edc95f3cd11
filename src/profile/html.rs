//! A profile as one self-contained HTML page: figures, the table of kernels, a roofline plot and
//! the last timed steps. The data is embedded as JSON; a script turns it into elements.

use super::Profile;
use super::kernels::groups;
use crate::device::Span;
use serde_json::{Value, json};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = concat!(
    include_str!("page/elements.js"),
    include_str!("page/figures.js"),
    include_str!("page/table.js"),
    include_str!("page/roofline.js"),
    include_str!("page/timeline.js"),
    include_str!("page/page.js"),
);

/// Returns a self-contained HTML page of a profile: it loads nothing, and names of adapters and
/// drivers are inserted as text, whatever they contain.
pub fn html(profile: &Profile) -> String {
    // In JSON only strings can contain a `<`, which could end the element or begin a comment.
    let data = data(profile).to_string().replace('<', "\\u003c");
    // The data is inserted last: it may contain anything, also the placeholders of the others.
    PAGE.replace("/* style */", STYLE).replace("/* script */", SCRIPT).replace("/* data */", &data)
}

/// Returns the page's data. Times are in microseconds since the host began to record.
fn data(profile: &Profile) -> Value {
    let Profile { timed, launches, .. } = profile;
    let mut rows = vec![0; launches.len()]; // the table's row of each launch
    for (row, (_, members)) in groups(launches).iter().enumerate() {
        members.iter().for_each(|&launch| rows[launch] = row);
    }
    let calls: Vec<_> = launches.iter().map(|launch| launch.call.to_string()).collect();
    let host = [("record", timed.record), ("submit", timed.submit), ("wait", timed.wait)]
        .map(|(name, span)| json!({ "name": name, "span": times(span) }));
    let steps: Vec<Vec<_>> =
        timed.steps.iter().map(|step| step.iter().copied().map(times).collect()).collect();
    json!({
        "profile": profile,
        "timer": timed.timer.to_string(),
        "rows": rows,
        "calls": calls,
        "host": host,
        "steps": steps,
    })
}

/// Returns the beginning and the length of a span.
fn times(span: Span) -> [f64; 2] {
    [span.began, span.duration()].map(|time| time.as_nanos() as f64 * 1e-3)
}
