// Elements, numbers and colours. Text is only inserted as text nodes and attributes.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#6b9bd1", "#f28e2b", "#e8696b", "#59b0a8", "#6fb35f", "#e3bb33", "#b98ac4",
    "#ff9da7", "#b08a6e"];
const OTHERS = "#a3a7ad";

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
}

function element(tag, attributes = {}, ...children) {
    return fill(document.createElement(tag), attributes, children);
}

function shape(tag, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Creates the tip of a shape, for pointers and screen readers.
function tip(text) {
    return shape("title", {}, text);
}

// Formats a number with a fixed number of digits after the point; JSON has null for infinity and
// NaN.
function number(value, digits = 0) {
    const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return value === null ? "–" : value.toLocaleString("en", format);
}

function percent(share, digits = 1) {
    return `${number(share === null ? null : 100 * share, digits)} %`;
}

function microseconds(us) {
    return us < 1000 ? `${number(us, 1)} µs` : `${number(us / 1000, 3)} ms`;
}

function swatch(colour) {
    const mark = element("span", { class: "swatch" });
    mark.style.background = colour;
    return mark;
}

// Returns a colour for each of the kernels that take the most time; the others share one.
function colours(kernels) {
    const totals = new Map();
    for (const { kernel, median_ms_per_step } of kernels) {
        totals.set(kernel, (totals.get(kernel) ?? 0) + median_ms_per_step);
    }
    const largest = [...totals].sort((one, other) => other[1] - one[1]);
    return new Map(largest.map(([kernel], rank) => [kernel, COLOURS[rank] ?? OTHERS]));
}
