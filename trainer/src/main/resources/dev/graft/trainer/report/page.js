"use strict";
// Values under the pointer, for every chart of the page.
document.querySelectorAll(".chart[data-series]").forEach(chart => {
  const plot = chart.querySelector(".plot"), tip = chart.querySelector(".tip");
  const {series, x0, x1, x} = JSON.parse(chart.dataset.series);
  const show = event => {
    const box = plot.getBoundingClientRect();
    const at = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const wanted = x0 + at * (x1 - x0);
    const lines = [];
    let found = null;
    for (const {name, points} of series) {
      if (!points.length) continue;
      let low = 0, high = points.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (points[middle][0] < wanted) low = middle + 1; else high = middle;
      }
      if (low > 0 && wanted - points[low - 1][0] < points[low][0] - wanted) low--;
      found ??= points[low][0];
      lines.push(`${name}: ${Number(points[low][1].toPrecision(5))}`);
    }
    if (found === null) return;
    tip.textContent = `${x} ${Number(found.toPrecision(6))}\n${lines.join("\n")}`;
    tip.style.whiteSpace = "pre";
    tip.hidden = false;
    tip.style.top = "0.2rem";
    tip.style.left = at < 0.5 ? `calc(${at * 100}% + 0.7rem)` : "auto";
    tip.style.right = at < 0.5 ? "auto" : `calc(${(1 - at) * 100}% + 0.7rem)`;
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", () => { tip.hidden = true; });
});
