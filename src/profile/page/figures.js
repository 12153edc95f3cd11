// The head of the page: the model and the device, and the figures of the whole step.

function drawHead(profile) {
    const { adapter, device, driver, batch, hidden } = profile;
    document.title = `wgvae profile: ${adapter}`;
    document.getElementById("adapter").textContent = adapter;
    document.getElementById("what").textContent =
        `${device}, ${driver} · batch ${batch} · hidden sizes ${hidden.join(", ")}`;
}

function tile(value, what) {
    return element("div", { class: "tile" },
        element("strong", {}, value), element("span", {}, what));
}

function list(heading, entries) {
    const rows = entries.map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)));
    return element("div", {}, element("h3", {}, heading), element("dl", {}, ...rows));
}

function roofEntries(roofs) {
    const entries = [
        ["compute", `${number(roofs.gflops, 1)} GFLOP/s`],
        ["memory", `${number(roofs.gbs, 1)} GB/s`],
        ["caches", `${number(roofs.cached_gbs, 1)} GB/s`],
    ];
    if (roofs.workgroup_gbs !== null) {
        entries.push(["workgroup memory", `${number(roofs.workgroup_gbs, 1)} GB/s`]);
    }
    entries.push(["per dispatch", `${number(roofs.dispatch_us, 1)} µs`]);
    entries.push(["per submit", `${number(roofs.submit_us, 1)} µs`]);
    return entries;
}

function timeEntries(profile, timer) {
    const slower = profile.profiled_step_ms / profile.step_ms;
    return [
        [profile.only ? "sum of those shown" : "kernels' sum", `${number(profile.kernels_ms, 3)} ms`],
        ["unattributed", profile.unattributed_ms === null ? "unknown" : `${number(profile.unattributed_ms, 3)} ms`],
        ["step, profiled", `${number(profile.profiled_step_ms, 3)} ms`],
        ["step, unprofiled", `${number(profile.step_ms, 3)} ms`],
        ["profiled / unprofiled", `${number(slower, 2)} ×`],
        ["kernels timed by", timer],
    ];
}

function hostEntries(profile) {
    return [
        ["record", `${number(profile.host_us_per_step, 1)} µs`],
        ["submit", `${number(profile.submit_us_per_step, 1)} µs`],
        ["dispatches", number(profile.dispatches_per_step, 2)],
        ["submits", number(profile.submits_per_step, 3)],
        ["bytes sent", number(profile.upload_bytes_per_step, 1)],
        ["bytes read back", number(profile.readback_bytes_per_step, 1)],
        ["new buffers", number(profile.buffers_created_per_step, 2)],
    ];
}

function drawFigures(profile, timer) {
    const kib = (bytes) => `${number(Math.ceil(bytes / 1024))} KiB`;
    const { weights, optimizer, data, workspace } = profile.gpu_memory_bytes;
    const tiles = element("div", { class: "tiles" },
        tile(`${number(profile.step_ms, 3)} ms`, "per step"),
        tile(number(profile.images_per_second), "images per second"),
        tile(`${number(profile.gflops, 2)} GFLOP/s`, "matrix products, whole step"),
        profile.only
            ? tile(profile.only.join(", "), "the only kernels timed")
            : tile(percent(profile.idle_share), "of the step idle"));
    const lists = element("div", { class: "lists" },
        list("Step", timeEntries(profile, timer)),
        list("Roofs", roofEntries(profile.roofs)),
        list("Host, per step", hostEntries(profile)),
        list("Memory", [
            ["weights", kib(weights)],
            ["optimizer state", kib(optimizer)],
            ["data", kib(data)],
            ["workspace", kib(workspace)],
        ]));
    document.getElementById("figures").append(tiles, lists);
}
