// The table of kernels, sorted by the heading that was clicked last.

// Heading, key of the row, rank, and for numbers their format. A narrow window shows the columns of
// rank 0, a wider one those of rank 1 too.
const COLUMNS = [
    ["#", "order", 0, (value) => number(value)],
    ["kernel", "kernel", 0],
    ["ms/step", "median_ms_per_step", 0, (value) => number(value, 3)],
    ["share", "share", 0, (value) => percent(value)],
    ["noise", "noise", 1, (value) => percent(value, 0)],
    ["%\u00a0of roof", "percent_of_roof", 1, (value) => number(value)],
    ["bound", "bound", 1],
    ["hint", "hint", 1],
    ["shape", "shape", 1],
    ["variant", "variant", 1],
    ["median µs", "median_us", 2, (value) => number(value, 1)],
    ["p95 µs", "p95_us", 2, (value) => number(value, 1)],
    ["spread", "spread", 2, (value) => percent(value, 0)],
    ["GFLOP/s", "gflops", 2, (value) => number(value, 2)],
    ["GB/s", "gbs", 2, (value) => number(value, 2)],
    ["MFLOP", "flops", 2, (value) => number(value / 1e6, 2)],
    ["KiB", "bytes", 2, (value) => number(value / 1024, 1)],
    ["FLOP/ byte", "flop_per_byte", 2, (value) => number(value, 2)],
    ["group size", "workgroup", 2, (value) => number(value)],
    ["groups", "workgroups", 2, (value) => number(value)],
    ["runs", "dispatches_per_step", 2, (value) => number(value)],
];

// Returns text in which a name may break after each `_`, and a hint after each blank.
function breakable(text, isHint) {
    const parts = text.split(isHint ? /(?<= )/ : /(?<=_)/);
    return parts.flatMap((part, index) =>
        [...(index ? [element("wbr")] : []), element("span", { class: "whole" }, part)]);
}

function cell(row, [, key, rank, format], colour) {
    const value = row[key] ?? (format ? null : "");
    const attributes = { class: `${format ? "number" : "text"} rank-${rank}` };
    const parts = format ? [format(value)] : breakable(value, key === "hint");
    const made = element("td", attributes, ...parts);
    if (key === "kernel") {
        made.prepend(swatch(colour));
    }
    return made;
}

function compare(one, other) {
    if (one === null || other === null) {
        return (one !== null) - (other !== null);
    }
    return one < other ? -1 : Number(one > other);
}

// Sorts by a column: numbers from the largest at first, then in reverse.
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
    const headers = COLUMNS.map(([heading, key, rank, format]) => {
        const button = element("button", { type: "button" }, heading);
        const kind = `${format ? "number" : "text"} rank-${rank}`;
        const attributes = { scope: "col", "data-key": key, class: kind };
        const header = element("th", attributes, button);
        button.addEventListener("click", () => sort(body, header, key, Boolean(format)));
        return header;
    });
    headers[0].setAttribute("aria-sort", "ascending");
    const head = element("thead", {}, element("tr", {}, ...headers));
    const table = element("table", {}, head, body);
    document.getElementById("kernels").append(table);
    document.getElementById("all").addEventListener("change", ({ target }) =>
        table.classList.toggle("all", target.checked));
}
