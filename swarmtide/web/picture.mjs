// The picture of one virtual service: VIP, nodes, tasks, with the weight of each way as its width.

import { html } from "./vendor/htm-preact-standalone.mjs";
import { span, words } from "./format.mjs";

const WIDTH = 720, ROW = 30, GAP = 14, TOP = 12;

/** Tasks that are drawn of one node; the others are counted. */
const TASKS_MAX = 24;

const TONES = { serving: "good", warming_up: "warn", held: "bad", joining: "off", down: "bad", draining: "drain", lingering: "drain", leaving: "drain" };

/** Destinations by node, each with its place down the picture. */
function arrange(destinations) {
  const nodes = new Map();
  for (const one of destinations) {
    const name = one.tasks[0]?.node || one.address;
    if (!nodes.has(name)) nodes.set(name, []);
    nodes.get(name).push(one);
  }
  let y = TOP;
  const placed = [...nodes].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true })).map(([name, all]) => {
    const shown = all.slice(0, TASKS_MAX);
    const tasks = shown.map((one, index) => ({ one, y: y + index * ROW + ROW / 2 }));
    const hidden = all.length - shown.length;
    const height = (shown.length + (hidden ? 1 : 0)) * ROW;
    const node = {
      name, tasks, hidden, y: y + height / 2, end: y + height - ROW / 2,
      weight: all.reduce((sum, one) => sum + one.weight, 0),
      connections: all.reduce((sum, one) => sum + one.active_connections, 0),
    };
    y += height + GAP;
    return node;
  });
  return { placed, height: Math.max(y - GAP + TOP, 90) };
}

/** A way from left to right. */
function Way({ from, to, weight, most, tone }) {
  const [x1, y1] = from, [x2, y2] = to, middle = (x1 + x2) / 2;
  const width = weight === 0 ? 1 : 1 + (weight / Math.max(most, 1)) * 5;
  return html`<path class="way ${tone} ${weight === 0 ? "closed" : ""}" d=${`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} stroke-width=${width.toFixed(1)} />`;
}

/** What a destination is doing, beside its name. */
function stateOf(one) {
  if (one.error) return one.error;
  if (one.drain_ends_in_ms !== null) return `${words(one.phase)}, at most ${span(one.drain_ends_in_ms)}`;
  if (one.full_in_ms !== null) return `warming up, full in ${span(one.full_in_ms)}`;
  return one.phase === "serving" ? "" : words(one.phase);
}

/** The picture. Each task says in words what its colours say. */
export function Picture({ service }) {
  const { placed, height } = arrange(service.destinations);
  if (placed.length === 0) return html`<p class="note">It has no destination: nobody answers at its address.</p>`;
  const heaviest = Math.max(...placed.map((node) => node.weight), 1);
  const most = Math.max(...service.destinations.map((one) => one.weight), 1);
  // In a tall picture the VIP stays where one begins to look.
  const vipY = Math.min(height / 2, 230);
  const vip = [128, vipY], nodeX = 250, nodeW = 116, taskX = 440;
  return html`<div class="picture"><svg viewBox=${`0 0 ${WIDTH} ${height}`} role="group" aria-label=${`${service.address} port ${service.port}: ${service.destinations.length} destinations on ${placed.length} nodes`}>
    ${placed.map((node) => html`<${Way} key=${node.name} from=${vip} to=${[nodeX, node.y]} weight=${node.weight} most=${heaviest} tone=${node.weight ? "good" : "drain"} />`)}
    ${placed.flatMap((node) => node.tasks.map(({ one, y }) => html`<${Way} key=${`${one.address} ${one.port}`} from=${[nodeX + nodeW, node.y]} to=${[taskX, y]} weight=${one.weight} most=${most} tone=${TONES[one.phase] ?? "off"} />`))}
    <g class="vip-node"><rect x="4" y=${vipY - 25} width="124" height="50" rx="12" /><text x="66" y=${vipY - 3} text-anchor="middle">${service.address}</text>
      <text class="small" x="66" y=${vipY + 14} text-anchor="middle">port ${service.port}</text></g>
    ${placed.map((node) => html`<g class="node" key=${node.name}><rect x=${nodeX} y=${node.y - 19} width=${nodeW} height="38" rx="9" />
      <text x=${nodeX + nodeW / 2} y=${node.y - 2} text-anchor="middle">${node.name.length > 16 ? `${node.name.slice(0, 15)}…` : node.name}</text>
      <text class="small" x=${nodeX + nodeW / 2} y=${node.y + 12} text-anchor="middle">weight ${node.weight} · ${node.connections} conn.</text></g>`)}
    ${placed.flatMap((node) => node.tasks.map(({ one, y }) => {
      const said = stateOf(one), name = one.tasks[0]?.task.slice(0, 12) ?? "no task";
      const label = `Task ${name} on ${node.name}, port ${one.port}, weight ${one.weight}, ${one.active_connections} connections, ${words(one.phase)}`;
      return html`<g class="task ${TONES[one.phase] ?? "off"}" key=${`${one.address} ${one.port}`} role="img" aria-label=${label}><title>${label}</title>
        <circle cx=${taskX + 6} cy=${y} r="5" /><text class="id" x=${taskX + 18} y=${y + 4}>${name}</text>
        <text class="small" x=${taskX + 116} y=${y + 4}>:${one.port}  w ${one.weight}  ${one.active_connections} conn.${said ? `  ${said}` : ""}</text></g>`;
    }))}
    ${placed.filter((node) => node.hidden).map((node) => html`<text class="small" x=${taskX + 18} y=${node.end + 4}>and ${node.hidden} more on ${node.name}</text>`)}
  </svg></div>`;
}
