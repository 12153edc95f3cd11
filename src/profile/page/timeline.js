// The last timed steps: a track of the host, one of the device, and an axis of time.

const TRACKS = { left: 56, right: 24, host: 8, device: 62, height: 40, axis: 116 };
// Average width of kernels below which the timeline is in a box that scrolls.
const NARROWEST = 9;

// Returns round numbers, about one per hundred pixels.
function ticks(from, to, width) {
    const least = (100 * (to - from)) / width;
    const unit = 10 ** Math.floor(Math.log10(least));
    const spacing = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= least) ?? 10);
    const made = [];
    for (let tick = Math.ceil(from / spacing) * spacing; tick <= to; tick += spacing) {
        made.push(tick);
    }
    return made;
}

function timeAxis(x, from, to, width) {
    const inMilliseconds = to >= 1000;
    const text = (tick) => String(Number((inMilliseconds ? tick / 1000 : tick).toPrecision(6)));
    const y = TRACKS.axis;
    const made = [shape("line", { class: "axis", x1: x(from), x2: x(to), y1: y, y2: y })];
    for (const tick of ticks(from, to, width)) {
        made.push(shape("line", { class: "axis", x1: x(tick), x2: x(tick), y1: y, y2: y + 5 }));
        made.push(shape("text", { x: x(tick), y: y + 18, "text-anchor": "middle" }, text(tick)));
    }
    const name = { x: TRACKS.left - 8, y: y + 18, "text-anchor": "end" };
    made.push(shape("text", name, inMilliseconds ? "ms" : "µs"));
    return made;
}

function trackName(text, top) {
    const attributes = { x: 4, y: top + TRACKS.height / 2, "dominant-baseline": "central" };
    return shape("text", attributes, text);
}

// A box on a track, with the first of some texts that fits in it, if any does.
function box(x, [began, duration], top, attributes, texts, details) {
    const left = x(began);
    const width = Math.max(0.75, x(began + duration) - left);
    const place = { x: left, y: top, width, height: TRACKS.height };
    const made = shape("g", {}, shape("rect", { ...place, ...attributes }), tip(details));
    const fitting = texts.find((text) => 7 * text.length + 6 < width);
    if (fitting !== undefined) {
        const middle = { x: left + width / 2, y: top + TRACKS.height / 2 };
        made.append(shape("text", { class: "number on-colour", ...middle }, fitting));
    }
    return made;
}

// The text begins at the left end of the box: the box may be wider than its visible part.
function hostBox(x, from, to, { name, span: [began, duration] }) {
    const start = Math.max(began, from);
    const shown = [start, Math.min(began + duration, to) - start];
    const text = `${name}: ${microseconds(duration)}`;
    const made = box(x, shown, TRACKS.host, { class: "host" }, [], text);
    if (7 * text.length + 6 < x(shown[0] + shown[1]) - x(start)) {
        const place = { x: x(start) + 6, y: TRACKS.host + TRACKS.height / 2 };
        made.append(shape("text", { class: "beginning", ...place }, text));
    }
    return made;
}

function deviceBox(x, span, launch, { profile, rows, calls }, colourOf) {
    const row = profile.kernels[rows[launch]];
    const label = String(rows[launch] + 1);
    const attributes = { fill: colourOf.get(row.kernel) };
    const details = `${label} ${row.kernel} (${row.variant})\n${calls[launch]}\n${microseconds(span[1])}`;
    return box(x, span, TRACKS.device, attributes, [`${label} ${row.kernel}`, label], details);
}

// The span that is shown: all with the host, or one step.
function shownSpan({ host, steps }, shown) {
    const spans = shown === null ? [...host.map(({ span }) => span), ...steps.flat()] : steps[shown];
    const began = Math.min(...spans.map(([start]) => start));
    return [began, Math.max(began + 0.001, ...spans.map(([start, duration]) => start + duration))];
}

function stepMarks(x, steps) {
    return steps.slice(1).map((step) => {
        const place = x(step[0][0]);
        const ends = { x1: place, x2: place, y1: TRACKS.device - 6, y2: TRACKS.axis };
        return shape("line", { class: "step", ...ends });
    });
}

function drawTimeline(data, colourOf, shown) {
    const frame = document.getElementById("timeline");
    const steps = shown === null ? data.steps : [data.steps[shown]];
    const [from, to] = shownSpan(data, shown);
    const width = Math.max(frame.clientWidth, NARROWEST * steps.flat().length);
    const right = width - TRACKS.right;
    const x = (time) => TRACKS.left + ((time - from) / (to - from)) * (right - TRACKS.left);
    const within = ({ span: [began, duration] }) => began < to && began + duration > from;
    const size = { width, height: TRACKS.axis + 28, role: "img", "aria-label": "Timeline" };
    frame.replaceChildren(shape("svg", size,
        trackName("host", TRACKS.host), trackName("device", TRACKS.device),
        ...data.host.filter(within).map((span) => hostBox(x, from, to, span)),
        ...steps.flatMap((step) =>
            step.map((span, launch) => deviceBox(x, span, launch, data, colourOf))),
        ...stepMarks(x, steps), ...timeAxis(x, from, to, right - TRACKS.left)));
}

function timelineLegend(colourOf) {
    const own = [...colourOf].filter(([, colour]) => colour !== OTHERS);
    const entries = own.map(([kernel, colour]) => element("li", {}, swatch(colour), kernel));
    if (own.length < colourOf.size) {
        entries.push(element("li", {}, swatch(OTHERS), `${colourOf.size - own.length} other kernels`));
    }
    return element("ul", { class: "legend" }, ...entries);
}

// The choice of steps to show; the value is the step's index, none for all.
function chooseShown({ steps }, draw) {
    const select = document.getElementById("shown");
    const all = steps.length > 1 ? `all of the last ${steps.length} steps` : "the last step";
    select.append(element("option", { value: "" }, `${all}, and the host`));
    steps.forEach((_, index) =>
        select.append(element("option", { value: index }, `step ${index + 1}`)));
    select.addEventListener("change", draw);
    return () => (select.value === "" ? null : Number(select.value));
}
