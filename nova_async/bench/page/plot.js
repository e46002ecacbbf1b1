"use strict";

// Colours that stay apart for colour-blind eyes (Okabe and Ito), then the same with dashes.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c"];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const HEIGHT = 380;
const NARROWEST = 480;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (value) =>
  value === null || value === undefined
    ? "–"
    : value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)
      ? value.toExponential(1)
      : String(Number(value.toPrecision(4)));

// Vertical bars from the lowest to the highest round.
const spreads = (series) => ({
  hooks: {
    draw: (plot) => {
      const context = plot.ctx;
      context.save();
      context.beginPath();
      context.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
      context.clip();
      context.lineWidth = Math.max(1, devicePixelRatio);
      series.forEach((one, index) => {
        if (!plot.series[index + 1].show) return;
        context.strokeStyle = COLOURS[index % COLOURS.length];
        one.values.forEach((value, place) => {
          const spread = one.spreads[place];
          if (value === null || !spread) return;
          const lowest = Math.max(value - spread, value / 20); // a logarithmic axis has no zero
          const x = plot.valToPos(plot.data[0][place], "x", true);
          context.beginPath();
          context.moveTo(x, plot.valToPos(lowest, "y", true));
          context.lineTo(x, plot.valToPos(value + spread, "y", true));
          context.stroke();
        });
      });
      context.restore();
    },
  },
});

const axis = (label, more) => ({
  label,
  stroke: style("--muted"),
  grid: { stroke: style("--line"), width: 1 },
  ticks: { stroke: style("--line"), width: 1 },
  values: (_plot, splits) => splits.map((value) => (value === null ? "" : short(value))),
  ...more,
});

const options = (chart, width) => ({
  width,
  height: HEIGHT,
  scales: { x: { time: false, distr: 3 }, y: { distr: 3 } },
  axes: [axis("size", {}), axis(chart.unit, { size: 78 })],
  legend: { live: true },
  plugins: [spreads(chart.series)],
  series: [
    { label: "size", value: (_plot, value) => short(value) },
    ...chart.series.map((one, index) => ({
      label: one.exponent === null ? one.name : `${one.name}: size^${one.exponent.toFixed(2)}`,
      stroke: COLOURS[index % COLOURS.length],
      dash: DASHES[Math.floor(index / COLOURS.length) % DASHES.length],
      width: 2,
      spanGaps: true,
      points: { show: true, size: 7 },
      value: (_plot, value) => short(value),
    })),
  ],
});

const show = (chart, home) => {
  const heading = document.createElement("h3");
  heading.textContent = `${chart.bench}: ${chart.unit}`;
  const place = document.createElement("div");
  place.className = "chart";
  home.append(heading, place);
  const width = () => Math.max(NARROWEST, home.clientWidth);
  const plot = new uPlot(options(chart, width()), [chart.sizes, ...chart.series.map((one) => one.values)], place);
  addEventListener("resize", () => plot.setSize({ width: width(), height: HEIGHT }));
};

const charts = JSON.parse(document.getElementById("data").textContent);
const home = document.getElementById("charts");
let bench = "";
for (const chart of charts) {
  if (chart.bench !== bench) {
    bench = chart.bench;
    const heading = document.createElement("h2");
    heading.textContent = bench;
    home.append(heading);
  }
  show(chart, home);
}
