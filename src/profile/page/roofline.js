// The roofline plot: operations per byte across, operations per second up, both on logarithmic
// scales.

const HEIGHT = 460;
const MARGIN = { left: 64, right: 16, top: 14, bottom: 46 };
// Largest number of numbered points; the others have only a tip: the table lists them all.
const NUMBERED = 16;

// Returns the range of the logarithms of some numbers, with a margin.
function bounds(values) {
    const room = 0.15;
    return [Math.log10(Math.min(...values)) - room, Math.log10(Math.max(...values)) + room];
}

// Returns powers of ten, with their doubles and halves between them if there are few.
function logTicks([low, high]) {
    const factors = high - low > 3.5 ? [1] : [1, 2, 5];
    const made = [];
    for (let exponent = Math.floor(low); exponent <= high; exponent += 1) {
        made.push(...factors.map((factor) => Number(`${factor}e${exponent}`)));
    }
    return made.filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high);
}

function tickText(tick) {
    return tick >= 1e-3 && tick < 1e6 ? String(tick) : tick.toExponential(0);
}

// Returns the scale from numbers to pixels, with `from` and `to` at the ends.
function logScale([low, high], from, to) {
    return (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
}

function roofline(kernels, roofs, width) {
    const points = kernels.map((row, index) => ({ row, label: String(index + 1) }))
        .filter(({ row }) => row.flop_per_byte > 0 && row.gflops > 0)
        .sort((one, other) => other.row.share - one.row.share);
    const ridges = [roofs.gflops / roofs.gbs, roofs.gflops / roofs.cached_gbs];
    const across = bounds([...ridges, ...points.map(({ row }) => row.flop_per_byte)]);
    const up = bounds([roofs.gflops, ...points.map(({ row }) => row.gflops)]);
    const x = logScale(across, MARGIN.left, width - MARGIN.right);
    const y = logScale(up, HEIGHT - MARGIN.bottom, MARGIN.top);
    for (const point of points) {
        point.x = x(point.row.flop_per_byte);
        point.y = y(point.row.gflops);
        // The area is the share: a kernel that is all of the step has a radius of 36 pixels.
        point.radius = Math.max(3, 36 * Math.sqrt(point.row.share));
    }
    return { points, across, up, x, y, width };
}

function axes({ across, up, x, y, width }) {
    const bottom = HEIGHT - MARGIN.bottom;
    const right = width - MARGIN.right;
    const made = [];
    for (const tick of logTicks(across)) {
        const ends = { x1: x(tick), x2: x(tick), y1: MARGIN.top, y2: bottom };
        const place = { x: x(tick), y: bottom + 17, "text-anchor": "middle" };
        made.push(shape("line", { class: "grid", ...ends }), shape("text", place, tickText(tick)));
    }
    for (const tick of logTicks(up)) {
        const ends = { x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick) };
        const place = { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" };
        made.push(shape("line", { class: "grid", ...ends }), shape("text", place, tickText(tick)));
    }
    const middle = (MARGIN.left + right) / 2;
    made.push(shape("text", { x: middle, y: HEIGHT - 8, "text-anchor": "middle" }, "FLOP/byte"));
    const turned = `translate(14 ${(MARGIN.top + bottom) / 2}) rotate(-90)`;
    made.push(shape("text", { transform: turned, "text-anchor": "middle" }, "GFLOP/s"));
    return made;
}

// A roof rises with the operations a byte until arithmetic is the limit.
function roofLine({ across, up, x, y }, gbs, gflops, kind) {
    const ridge = gflops / gbs;
    const from = Math.max(10 ** across[0], 10 ** up[0] / gbs);
    const attributes = { class: `roof ${kind}`, x1: x(from), y1: y(from * gbs), x2: x(ridge), y2: y(gflops) };
    return shape("line", attributes);
}

function roofLines(plot, roofs) {
    const { x, y, across } = plot;
    const ridge = roofs.gflops / Math.max(roofs.gbs, roofs.cached_gbs);
    const top = y(roofs.gflops);
    const flat = { class: "roof compute", x1: x(ridge), x2: x(10 ** across[1]), y1: top, y2: top };
    return [
        roofLine(plot, roofs.gbs, roofs.gflops, "memory"),
        roofLine(plot, roofs.cached_gbs, roofs.gflops, "cached"),
        shape("line", flat),
    ];
}

// Whether a label with this half width and height at a place covers another label or a point.
function isFree(place, half, taken, points) {
    const clear = (x, y, width, height) =>
        Math.abs(place.x - x) > half + width || Math.abs(place.y - y) > 8 + height;
    return taken.every((other) => clear(other.x, other.y, other.half, 8))
        && points.every((point) => clear(point.x, point.y, 0.8 * point.radius, 0.8 * point.radius));
}

// Places a label next to a point, at the nearest free place.
function placeBeside(point, plot, half, taken) {
    for (let distance = 11; distance < 130; distance += 7) {
        for (let turn = 0; turn < 16; turn += 1) {
            const angle = (turn * Math.PI) / 8 - Math.PI / 2;
            const reach = point.radius + distance;
            const place = { x: point.x + reach * Math.cos(angle), y: point.y + reach * Math.sin(angle), half };
            const inside = place.x > MARGIN.left + half && place.x < plot.width - MARGIN.right - half
                && place.y > MARGIN.top + 8 && place.y < HEIGHT - MARGIN.bottom - 8;
            if (inside && isFree(place, half, taken, plot.points)) {
                return place;
            }
        }
    }
    return null;
}

// Numbers of the largest points: inside them if they are large and not covered, else next to them.
function numbers(plot) {
    const taken = [];
    const made = [];
    for (const point of plot.points.slice(0, NUMBERED)) {
        const half = 4 * point.label.length + 2;
        const others = plot.points.filter((other) => other !== point);
        const fits = point.radius > half + 3 && isFree({ ...point }, half, taken, others);
        const place = fits ? { x: point.x, y: point.y, half } : placeBeside(point, plot, half, taken);
        if (place === null) {
            continue;
        }
        taken.push(place);
        if (!fits) {
            made.push(shape("line", { class: "leader", x1: point.x, y1: point.y, x2: place.x, y2: place.y }));
        }
        const kind = fits ? "number on-colour" : "number halo";
        made.push(shape("text", { class: kind, x: place.x, y: place.y }, point.label));
    }
    // Lines below the numbers.
    return made.sort((one, other) => (one.tagName === "text") - (other.tagName === "text"));
}

function circle({ row, label, x, y, radius }, colourOf) {
    const text = `${label} ${row.kernel} ${row.shape}\n${percent(row.share)} of the time\n`
        + `${number(row.flop_per_byte, 2)} FLOP/byte, ${number(row.gflops, 2)} GFLOP/s, `
        + `${number(row.percent_of_roof)} % of its roof`;
    const attributes = { class: "point", cx: x, cy: y, r: radius, fill: colourOf.get(row.kernel) };
    return shape("circle", attributes, tip(text));
}

function roofSample(kind) {
    return shape("svg", { width: 34, height: 10, "aria-hidden": "true" },
        shape("line", { class: `roof ${kind}`, x1: 2, x2: 32, y1: 5, y2: 5 }));
}

function rooflineLegend({ points }, kernels, roofs, colourOf) {
    const lines = [["compute", `compute ${number(roofs.gflops, 1)} GFLOP/s`],
        ["cached", `caches ${number(roofs.cached_gbs, 1)} GB/s`],
        ["memory", `memory ${number(roofs.gbs, 1)} GB/s`]];
    const entries = lines.map(([kind, text]) => element("li", {}, roofSample(kind), text));
    for (const { row, label } of points.slice(0, NUMBERED)) {
        entries.push(element("li", {}, swatch(colourOf.get(row.kernel)),
            `${label} ${row.kernel} ${row.shape}, ${percent(row.share)}`));
    }
    const rest = points.length - NUMBERED;
    if (rest > 0) {
        entries.push(element("li", {}, `${rest} smaller, without numbers`));
    }
    const without = kernels.length - points.length;
    if (without > 0) {
        entries.push(element("li", {}, `${without} without arithmetic, not drawn`));
    }
    return element("ul", { class: "legend" }, ...entries);
}

function drawRoofline(kernels, roofs, colourOf) {
    const legend = element("div");
    const picture = element("div");
    document.getElementById("roofline").replaceChildren(
        element("div", { class: "plot" }, picture, legend));
    const plot = roofline(kernels, roofs, Math.max(300, picture.clientWidth));
    legend.append(rooflineLegend(plot, kernels, roofs, colourOf));
    const size = { width: plot.width, height: HEIGHT, role: "img", "aria-label": "Roofline plot" };
    picture.append(shape("svg", size, ...axes(plot), ...roofLines(plot, roofs),
        ...plot.points.map((point) => circle(point, colourOf)), ...numbers(plot)));
}
