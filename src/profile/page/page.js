// Draws everything, and redraws the parts that depend on the width when that changes.

function main() {
    const data = JSON.parse(document.getElementById("data").textContent);
    const { profile, timer } = data;
    const colourOf = colours(profile.kernels);
    drawHead(profile);
    drawFigures(profile, timer);
    drawTable(profile.kernels, colourOf);
    document.getElementById("timeline-note").textContent = "Numbers are those of the table. The "
        + "device and the host have different clocks: the device's last kernel is placed to end "
        + "when the host had finished waiting.";
    document.getElementById("timeline-legend").append(timelineLegend(colourOf));
    const shown = chooseShown(data, () => drawTimeline(data, colourOf, shown()));
    const draw = () => {
        drawRoofline(profile.kernels, profile.roofs, colourOf);
        drawTimeline(data, colourOf, shown());
    };
    window.addEventListener("resize", draw);
    draw();
}

main();
