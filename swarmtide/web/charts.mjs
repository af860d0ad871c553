// Charts over time: uPlot with thresholds drawn in, and decisions as marks on the same axis.

import { html, useEffect, useLayoutEffect, useRef } from "./vendor/htm-preact-standalone.mjs";
import { clock } from "./format.mjs";

const uPlot = globalThis.uPlot;

/** Charts of one view move their cursors together. */
const SYNC = uPlot.sync("service");

/** The colour that a CSS variable stands for now: a canvas cannot read `light-dark()` itself. */
function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** The same colour, seen through. */
const faint = (found, alpha) => `color-mix(in srgb, ${found} ${alpha * 100}%, transparent)`;

/** A step for the axis, so that five or six lines fit. */
function timeLabel(seconds, spanSeconds) {
  const text = clock(seconds * 1000);
  return spanSeconds > 900 ? text.slice(0, 5) : text;
}

/** What is on the canvas besides the lines: thresholds below them, decisions above. */
function drawThresholds(u, thresholds, font) {
  const { ctx, bbox } = u;
  for (const { value, name, tone } of thresholds) {
    const y = u.valToPos(value, "y", true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour(tone);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = font;
    ctx.textAlign = "right";
    ctx.textBaseline = y - bbox.top < 16 * devicePixelRatio ? "top" : "bottom";
    ctx.fillText(name, bbox.left + bbox.width - 4 * devicePixelRatio, y + (ctx.textBaseline === "top" ? 3 : -3) * devicePixelRatio);
    ctx.restore();
  }
}

function drawDecisions(u, decisions, chosen) {
  const { ctx, bbox } = u;
  // So many that they would cover each other are smaller.
  const size = Math.max(2.5, Math.min(5, u.over.clientWidth / Math.max(1, decisions.length) / 2)) * devicePixelRatio;
  for (const { at, way, tick } of decisions) {
    const x = u.valToPos(at / 1000, "x", true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
    const tone = colour(way === "up" ? "up" : way === "down" ? "down" : "muted");
    const base = bbox.top + bbox.height;
    ctx.save();
    ctx.setLineDash([]);
    ctx.strokeStyle = faint(tone, tick === chosen ? 0.9 : 0.3);
    ctx.lineWidth = (tick === chosen ? 2 : 1) * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, base);
    ctx.stroke();
    ctx.fillStyle = tone;
    ctx.beginPath();
    const turn = way === "down" ? -1 : 1;
    const middle = base - size * 1.2;
    ctx.moveTo(x, middle - size * turn);
    ctx.lineTo(x + size, middle + size * 0.8 * turn);
    ctx.lineTo(x - size, middle + size * 0.8 * turn);
    ctx.closePath();
    ctx.fill();
    ctx.restore();
  }
}

/** The decision nearest to the cursor, if it is near enough to be meant. */
function near(u, decisions, left) {
  let best = null, distance = 9;
  for (const decision of decisions) {
    const away = Math.abs(u.valToPos(decision.at / 1000, "x") - left);
    if (away < distance) { best = decision; distance = away; }
  }
  return best;
}

/** What stands beside the cursor: time, values, and the decision's reason. */
function tip(u, box, spec) {
  const { idx, left, top } = u.cursor;
  const shown = idx !== null && idx !== undefined && left >= 0;
  box.hidden = !shown;
  if (!shown) return;
  const row = (className, text) => {
    const line = document.createElement("div");
    line.className = className;
    line.textContent = text;
    return line;
  };
  const lines = spec.lines.map((line, index) => [line, u.data[index + 1][idx]]).filter(([, value]) => value !== null && value !== undefined);
  const decision = near(u, spec.decisions, left);
  box.replaceChildren(
    row("when", clock(u.data[0][idx] * 1000)),
    ...lines.map(([line, value]) => row("value", `${line.name}  ${spec.show(value)}`)),
    ...(decision ? [row("reason", decision.words)] : []),
  );
  const width = u.over.clientWidth, own = box.offsetWidth;
  const side = left + own + 16 > width ? left - own - 12 : left + 12;
  box.style.transform = `translate(${Math.max(0, Math.min(width - own, side))}px, ${Math.max(0, Math.min(top, u.over.clientHeight - box.offsetHeight))}px)`;
}

/** Which stretch of time is shown: the window up to the newest point. */
const xRange = (spec) => (u, min, max) => (max === null ? [0, 1] : [Math.max(min ?? max, max - spec.current.windowSeconds), Math.max(max, (min ?? max) + 10)]);

/** From 0 to a little above everything that is to be seen, thresholds included where they are not far away. */
const yRange = (spec) => (u, min, max) => {
  const top = Math.max(max ?? 0, 0);
  const marks = spec.current.thresholds.map(({ value }) => value).filter((value) => value <= Math.max(top * 2.5, spec.current.least));
  return [0, Math.max(top, spec.current.least, ...marks) * 1.08];
};

function options(spec, size, box) {
  const text = colour("muted"), grid = colour("line");
  const font = getComputedStyle(document.body).fontFamily;
  const axisFont = `11px ${font}`;
  const canvasFont = `${10.5 * devicePixelRatio}px ${font}`;
  const axis = { stroke: text, font: axisFont, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    ...size,
    padding: [10, 8, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC.key, setSeries: false }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
    scales: { x: { time: true, range: xRange(spec) }, y: { range: yRange(spec) } },
    axes: [
      { ...axis, size: 26, space: 90, values: (u, ticks) => ticks.map((tick) => timeLabel(tick, u.scales.x.max - u.scales.x.min)) },
      { ...axis, size: 58, space: 34, values: (u, ticks) => ticks.map((tick) => spec.current.show(tick)), incrs: spec.current.whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] : undefined },
    ],
    series: [{}, ...spec.current.lines.map((line) => ({
      label: line.name,
      stroke: colour(line.tone),
      width: line.width ?? 1.75,
      dash: line.dash,
      fill: line.fill ? faint(colour(line.tone), 0.12) : undefined,
      paths: line.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      points: { show: false },
      spanGaps: false,
    }))],
    hooks: {
      drawAxes: [(u) => drawThresholds(u, spec.current.thresholds, canvasFont)],
      draw: [(u) => { drawDecisions(u, spec.current.decisions, spec.current.chosen); firstDrawn(); }],
      setCursor: [(u) => tip(u, box, spec.current)],
    },
  };
}

let drawn = false;
/** Notes when the first chart with data stood, for whoever measures. */
function firstDrawn() {
  if (drawn) return;
  drawn = true;
  performance.mark("swarmtide-first-chart");
}

/**
 * One chart. `spec` has `lines` (`name`, `tone`, `values`, `stepped`, `dash`, `fill`), `thresholds`, `decisions`,
 * `show` (a value as text), `least` (what the axis reaches at least) and `windowSeconds`.
 */
export function Chart({ title, x, spec, onDecision, height = 190 }) {
  const holder = useRef(null), plot = useRef(null), box = useRef(null), latest = useRef(spec);
  latest.current = spec;
  const shape = spec.lines.map((line) => `${line.name}/${line.tone}`).join();
  const data = [x, ...spec.lines.map((line) => line.values)];
  useLayoutEffect(() => {
    const build = () => {
      plot.current?.destroy();
      const size = { width: Math.max(200, holder.current.clientWidth), height };
      box.current = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
      plot.current = new uPlot(options(latest, size, box.current), data, holder.current);
      plot.current.over.append(box.current);
      plot.current.over.addEventListener("click", () => {
        const found = near(plot.current, latest.current.decisions, plot.current.cursor.left);
        if (found) onDecision(found);
      });
    };
    build();
    const resized = new ResizeObserver(() => {
      const width = holder.current.clientWidth;
      if (width > 0 && width !== plot.current.width) plot.current.setSize({ width, height });
    });
    resized.observe(holder.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", build);
    scheme.addEventListener("change", build);
    return () => {
      resized.disconnect();
      removeEventListener("themechange", build);
      scheme.removeEventListener("change", build);
      plot.current.destroy();
      plot.current = null;
    };
  }, [shape, height]);
  useEffect(() => { plot.current?.setData(data); }, [x, spec]);
  const last = (values) => values.findLast?.((value) => value !== null && value !== undefined);
  return html`<figure class="chart">
    <figcaption><h3>${title}</h3><ul class="legend">${spec.lines.map((line) => html`<li><i class="key ${line.tone} ${line.dash ? "dashed" : ""}"></i>${line.name} <b>${spec.show(last(line.values) ?? null)}</b></li>`)}</ul></figcaption>
    <div ref=${holder} class="plot" role="img" aria-label=${`${title}: ${spec.lines.map((line) => `${line.name} ${spec.show(last(line.values) ?? null)}`).join(", ")}`}></div>
  </figure>`;
}
