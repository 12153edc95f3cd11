"""Opens pages of `wgvae profile --html` in Chromium: python3 profile_page.py WGVAE [FOLDER]

Of a GPU's few fused kernels and a CPU's many, at 1280 and at 400 pixels: that the page draws everything without
an error, sorts its table by a click and by the keyboard, is no wider than its window, and takes a
hostile name as text. Leaves the pages, and screenshots of them, in FOLDER if it is given. Exits with
1 and says why if something is wrong.
"""

import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOSTILE = "</script><img src=x onerror=alert(1)>"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000"]
FAILED = re.compile(r":(?:ERROR|WARNING|INFO):CONSOLE.*|.*Uncaught.*")

# Looks at the page in a frame of a certain width, since a window cannot be as narrow as a telephone.
FRAME = """<!doctype html><meta charset="utf-8"><style>body { margin: 0 }</style>
<iframe style="border: 0; display: block" width="%d" height="%d" srcdoc="%s"></iframe>
<script>addEventListener("message", ({ data }) => document.documentElement.append(
    Object.assign(document.createElement("pre"), { id: "found", textContent: data })));
</script>"""

PROBE = """<script>
"use strict";
window.addEventListener("load", () => {
    const column = (key) => {
        const header = document.querySelector(`th[data-key="${key}"]`);
        const index = header.cellIndex;
        const values = [...document.querySelectorAll("tbody tr")].map(
            (line) => line.cells[index].textContent);
        return { sort: header.getAttribute("aria-sort"), values };
    };
    const click = (key) => {
        document.querySelector(`th[data-key="${key}"] button`).click();
        return column(key);
    };
    const found = {
        title: document.title,
        heading: document.querySelector("h1").textContent,
        images: document.images.length,
        width: innerWidth,
        scrollWidth: document.documentElement.scrollWidth,
        height: document.documentElement.scrollHeight,
        text: document.body.innerText,
        shown: [...document.querySelectorAll("th")].filter((header) => header.offsetWidth > 0).map(
            (header) => header.dataset.key),
        // Headings, and cells, that are cut at the table's frame or by their own column.
        cut: [...document.querySelectorAll("th button, td")].filter((node) => {
            const frame = document.getElementById("kernels").getBoundingClientRect();
            const { left, right } = node.getBoundingClientRect();
            return right > left && (right > frame.right + 0.5 || node.scrollWidth > node.clientWidth);
        }).map((node) => node.textContent),
        focusable: document.querySelectorAll("th button:not([tabindex='-1'])").length,
        headers: document.querySelectorAll("th").length,
        kernels: column("kernel").values,
        points: document.querySelectorAll("circle").length,
        boxes: document.querySelectorAll("#timeline rect:not(.host)").length,
        host: document.querySelectorAll("#timeline rect.host").length,
        odd: [...document.querySelectorAll("svg *")].filter((node) => [...node.attributes].some(
            ({ value }) => /NaN|Infinity|undefined/.test(value))).length,
        once: click("median_us"),
        twice: click("median_us"),
        names: click("kernel"),
    };
    const select = document.getElementById("shown");
    select.value = "0";
    select.dispatchEvent(new Event("change"));
    found.boxesOfOne = document.querySelectorAll("#timeline rect:not(.host)").length;
    parent.postMessage(JSON.stringify(found), "*");
});
</script></body>"""


def check(found, expected, what):
    if found != expected:
        sys.exit(f"{what}: expected {expected}, found {found}")


def chromium(page, *arguments):
    """What Chromium prints about a page; nothing may go wrong in it."""
    command = ["chromium", *ARGUMENTS, *arguments, page.as_uri()]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except subprocess.TimeoutExpired:
        sys.exit(f"{page}: does not come to an end; a dialog waits for an answer?")
    failed = [line for line in run.stderr.splitlines() if FAILED.search(line)]
    if failed:
        sys.exit(f"{page}: " + "\n".join(failed))
    return run.stdout


def embedded(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def with_data(text, data):
    """A page with other data, as the program would have written it."""
    before, rest = text.split('id="data">')
    _, after = rest.split("</script>", 1)
    escaped = json.dumps(data).replace("<", "\\u003c")
    return f'{before}id="data">{escaped}</script>{after}'


def framed(text, width, height):
    return FRAME % (width, height, html.escape(text))


def probe(text, width, path):
    """What there is on a page in a window of some width, before and after clicks."""
    path.write_text(framed(text.replace("</body>", PROBE), width, 900))
    dom = chromium(path, f"--window-size={width},900", "--dump-dom")
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    if not found:
        sys.exit(f"{path}: the page's script did not come to its end")
    return json.loads(html.unescape(found[1]))


def numbers(column):
    return [float(value.replace(",", "")) for value in column["values"]]


def check_page(text, width, path):
    data = embedded(text)
    profile = data["profile"]
    found = probe(text, width, path)
    check(found["heading"], profile["adapter"], "heading")
    check(found["title"], f"wgvae profile: {profile['adapter']}", "title")
    check(found["images"], 0, "images")
    check(found["width"], width, "width")
    if found["scrollWidth"] > width:
        sys.exit(f"{path}: {found['scrollWidth']} pixels wide in {width}")
    kernels = [row["kernel"] for row in profile["kernels"]]
    check(found["kernels"], kernels, "kernels in the table")
    check(found["points"], sum(row["flops"] > 0 for row in profile["kernels"]), "points")
    check(found["boxes"], sum(map(len, data["steps"])), "kernels on the timeline")
    check(found["boxesOfOne"], len(data["steps"][0]), "kernels of one step on the timeline")
    check(found["host"], sum(span["span"][1] > 0 for span in data["host"]), "spans of the host")
    check(found["odd"], 0, "shapes at no place")
    for word in ("undefined", "NaN", "Infinity", "[object"):
        check(word in found["text"], False, word)
    first = ["order", "kernel", "median_ms_per_step", "share"]
    check(found["shown"][:4], first, "columns at the left")
    if width < 760:
        check(found["shown"], first, "columns of a narrow window")
    else:
        check(len(found["shown"]), found["headers"], "columns of a wide window")
    check(found["cut"], [], "cells that are cut")
    check(found["focusable"], found["headers"], "headings that the keyboard reaches")
    times = sorted((round(row["median_us"], 1) for row in profile["kernels"]), reverse=True)
    check(found["once"]["sort"], "descending", "sorted by a click")
    check(numbers(found["once"]), sorted(numbers(found["once"]), reverse=True), "times")
    check(len(numbers(found["once"])), len(times), "times")
    check(found["twice"]["sort"], "ascending", "sorted by two clicks")
    check(numbers(found["twice"]), numbers(found["once"])[::-1], "times the other way round")
    check(found["names"]["values"], sorted(kernels), "kernels by name")
    return found["height"]


def photograph(text, name, width, height, folder):
    """Screenshots of the whole page, light and dark."""
    page = folder / f"{name}-{width}.html"
    page.write_text(framed(text, width, height))
    for scheme, arguments in (("light", []), ("dark", ["--force-dark-mode"])):
        picture = folder / f"{name}-{width}-{scheme}.png"
        chromium(page, f"--window-size={width},{height}", f"--screenshot={picture}", *arguments)


def check_profile(wgvae, arguments, name, folder, keep):
    file = folder / f"{name}.html"
    command = [wgvae, "profile", *arguments, "--html", file]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    chromium(file, "--dump-dom")
    text = file.read_text()
    for width in (1280, 400):
        height = check_page(text, width, folder / "probe.html")
        if keep:
            photograph(text, name, width, height, folder)
        data = embedded(text)
        data["profile"].update(adapter=HOSTILE, driver=HOSTILE)
        check_page(with_data(text, data), width, folder / "probe.html")
        print(f"{name} at {width} pixels: {height} pixels high, as it should be")


def main(wgvae, folder=None):
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(folder or temporary).resolve()
        for device in ("gpu", "cpu"):
            arguments = ["--device", device, "--hidden", "20,10", "--steps", "10"]
            check_profile(wgvae, arguments, device, place, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
