"use strict";
// Draws every chart of the page in the page's colours and as wide as there is room.
document.querySelectorAll(".chart[data-chart]").forEach(chart => {
  const holder = chart.querySelector(".plot");
  const {x, series} = JSON.parse(chart.dataset.chart);
  const css = name => getComputedStyle(chart).getPropertyValue(name).trim();
  const words = value => value == null ? "–" : String(Number(value.toPrecision(5)));
  const linear = uPlot.join(series.map(one => [one.x, one.y]));
  // A logarithm has no place for zero: a gap instead. What is undefined is between two points.
  const positive = linear.map((column, i) =>
    i === 0 ? column : column.map(value => value === undefined || value > 0 ? value : null));
  let logarithmic = false;
  let plot = null;

  // The series have their points at different steps: the nearest one that each has.
  const nearest = (self, index, hovered) => {
    const column = self.data[index];
    for (let far = 0; far < column.length; far++) {
      for (const at of [hovered - far, hovered + far]) {
        if (column[at] != null) return at;
      }
    }
    return null;
  };

  const axis = label => ({
    stroke: () => css("--soft"),
    font: "12px system-ui, sans-serif",
    grid: {stroke: () => css("--grid"), width: 1},
    ticks: {stroke: () => css("--grid"), width: 1, size: 5},
    values: (_, marks) => marks.map(mark => mark == null ? "" : words(mark)),
    ...label
  });

  const options = () => ({
    width: Math.max(120, holder.clientWidth),
    height: 240,
    scales: {x: {time: false}, y: {distr: logarithmic ? 3 : 1}},
    cursor: {sync: {key: x, setSeries: false}, dataIdx: nearest, points: {size: 7}},
    axes: [
      axis({label: x, labelSize: 22, labelFont: "12px system-ui, sans-serif", size: 30}),
      axis({size: (_, marks) => 18 + 7 * Math.max(3, ...(marks ?? []).map(mark => mark.length))})
    ],
    series: [
      {label: x, value: (_, value) => words(value)},
      ...series.map(one => ({
        label: one.name,
        stroke: () => css(`--s${one.colour}`),
        width: one.style === "faint" ? 1 : 2,
        alpha: one.style === "faint" ? 0.4 : 1,
        points: {show: one.style === "dots" || one.x.length === 1, size: 7, fill: () => css(`--s${one.colour}`)},
        value: (_, value) => words(value)
      }))
    ]
  });

  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(), logarithmic ? positive : linear, holder);
  };

  const buttons = chart.querySelectorAll(".scale button");
  buttons.forEach((button, i) => button.addEventListener("click", () => {
    logarithmic = i === 1;
    buttons.forEach((other, j) => other.setAttribute("aria-pressed", String(i === j)));
    draw();
  }));
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => {
    const width = Math.max(120, holder.clientWidth);
    if (width !== plot.width) plot.setSize({width, height: 240});
  }).observe(holder);
});
