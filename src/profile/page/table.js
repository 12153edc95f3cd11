// The table of kernels, sorted by the heading that was clicked last.

// Heading, key of the row, and for numbers how they are written.
const COLUMNS = [
    ["#", "order", (value) => number(value)],
    ["kernel", "kernel"],
    ["variant", "variant"],
    ["shape", "shape"],
    ["workgroup", "workgroup", (value) => number(value)],
    ["groups", "workgroups", (value) => number(value)],
    ["runs", "dispatches_per_step", (value) => number(value)],
    ["ms/step", "ms_per_step", (value) => number(value, 3)],
    ["share", "share", (value) => percent(value)],
    ["median µs", "median_us", (value) => number(value, 1)],
    ["p95 µs", "p95_us", (value) => number(value, 1)],
    ["spread", "spread", (value) => percent(value, 0)],
    ["MFLOP", "flops", (value) => number(value / 1e6, 2)],
    ["KiB", "bytes", (value) => number(value / 1024, 1)],
    ["FLOP/byte", "flop_per_byte", (value) => number(value, 2)],
    ["GFLOP/s", "gflops", (value) => number(value, 2)],
    ["GB/s", "gbs", (value) => number(value, 2)],
    ["%\u00a0of roof", "percent_of_roof", (value) => number(value)],
    ["bound", "bound"],
    ["hint", "hint"],
];

function cell(row, [, key, format], colour) {
    const value = row[key] ?? (format ? null : "");
    const made = element("td", format ? { class: "number" } : {}, format ? format(value) : value);
    if (key === "kernel") {
        made.prepend(swatch(colour));
    }
    return made;
}

function compare(one, other) {
    if (one === null || other === null) {
        return (one !== null) - (other !== null);
    }
    return typeof one === "number" ? one - other : one.localeCompare(other, "en");
}

// Sorts by a column: numbers from the largest at first, then the other way round.
function sort(body, header, key, isNumber) {
    const before = header.getAttribute("aria-sort");
    const first = isNumber ? "descending" : "ascending";
    const second = isNumber ? "ascending" : "descending";
    const order = before === first ? second : first;
    header.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const value = (line) => line.row[key] ?? (isNumber ? null : "");
    body.append(...[...body.rows].sort((one, other) => sign * compare(value(one), value(other))));
}

function drawTable(kernels, colourOf) {
    const body = element("tbody");
    kernels.forEach((row, index) => {
        const cells = COLUMNS.map((column) =>
            cell({ order: index + 1, ...row }, column, colourOf.get(row.kernel)));
        const line = element("tr", {}, ...cells);
        line.row = { order: index + 1, ...row };
        body.append(line);
    });
    const headers = COLUMNS.map(([heading, key, format]) => {
        const button = element("button", { type: "button" }, heading);
        const attributes = { scope: "col", "data-key": key, class: format ? "number" : "text" };
        const header = element("th", attributes, button);
        button.addEventListener("click", () => sort(body, header, key, Boolean(format)));
        return header;
    });
    headers[0].setAttribute("aria-sort", "ascending");
    const head = element("thead", {}, element("tr", {}, ...headers));
    document.getElementById("kernels").append(element("table", {}, head, body));
}
