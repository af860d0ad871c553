// All services: one line each, with what it does and why.

import { html, Component, useMemo, useState } from "./vendor/htm-preact-standalone.mjs";
import { Badge, Bar, Choice, Empty, Heading, Loading, Search, Spark, Tile, loadKind, stateOf, useNow } from "./parts.mjs";
import { useServices } from "./store.mjs";
import { ago, metricName, metricValue, metricWord, percent, words } from "./format.mjs";

export const shareOf = (row) => (row.load ? row.load.average / row.load.mark : null);

/** Why somebody may want to look at a service. */
const FILTERS = [
  ["all", "All", () => true],
  ["changing", "Changing", (row) => row.wanted !== row.serving || row.starting > 0 || row.draining > 0],
  ["maximum", "At maximum", (row) => row.max !== null && row.replicas >= row.max],
  ["telemetry", "Telemetry gaps", (row) => row.reporting < row.expected],
  ["off", "Not acting", (row, now) => row.state !== "enabled" || row.label_errors > 0 || row.paused_up_until > now || row.paused_down_until > now],
];

const ORDERS = {
  name: (a, b) => a.name.localeCompare(b.name),
  load: (a, b) => (shareOf(b) ?? -1) - (shareOf(a) ?? -1),
  replicas: (a, b) => b.replicas - a.replicas,
  change: (a, b) => (b.last_change_unix_ms ?? 0) - (a.last_change_unix_ms ?? 0),
};

/** Replicas between their bounds: what serves, what is on its way, and where it wants to go. */
export function Replicas({ row }) {
  const { replicas, serving, wanted, min, max } = row;
  const top = Math.max(max ?? replicas, replicas, serving, 1);
  const x = (count) => (count / top) * 100;
  const moving = wanted !== replicas;
  const label = `${serving} of ${replicas} replicas serve${moving ? `, ${wanted} wanted` : ""}${max === null ? "" : `, bounds ${min} to ${max}`}`;
  return html`<div class="replicas" role="img" aria-label=${label}>
    <div class="figure"><b>${replicas}</b>${moving ? html`<span class=${wanted > replicas ? "up" : "down"}>→ ${wanted}</span>` : null}
      ${serving === replicas ? null : html`<small>${serving} serve</small>`}
      <small class="bounds">${max === null ? "" : `${min}–${max}`}</small></div>
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" />
      <rect class="coming" width=${x(Math.max(replicas, serving))} height="6" />
      <rect class="serving" width=${x(Math.min(serving, replicas))} height="6" />
      ${min === null ? null : html`<rect class="mark" x=${Math.max(0, x(min) - 0.4)} width="0.8" height="6" />`}
    </svg>
  </div>`;
}

/** The load that is nearest to its mark. */
export function Load({ row }) {
  const share = shareOf(row);
  if (share === null) return html`<span class="none">no reading</span>`;
  const { metric, average, mark, low } = row.load;
  const label = `${metricName(metric)} ${metricValue(metric, average)}, mark ${metricValue(metric, mark)}`;
  return html`<div class="load" title=${label}>
    <div class="figure"><b>${metricValue(metric, average)}</b><small>${metricWord(metric)}, mark ${metricValue(metric, mark)}</small></div>
    <${Bar} share=${share} top=${1.4} marks=${low ? [low / mark, 1] : [1]} kind=${loadKind(share)} label=${label} />
  </div>`;
}

/** A line of the table, drawn again only when its row has changed or time has gone on. */
class Line extends Component {
  shouldComponentUpdate(next) {
    return next.row !== this.props.row || next.tick !== this.props.tick;
  }

  render({ row, now, dialogs }) {
    const state = stateOf(row, now);
    const full = row.reporting === row.expected;
    const coverage = row.expected === 0 ? "–" : `${row.reporting}/${row.expected}`;
    return html`<tr role="row">
      <th role="rowheader" scope="row" class="name"><a href=${`#/services/${encodeURIComponent(row.name)}`}>${row.name}</a><${Spark} values=${row.spark} /></th>
      <td role="cell" data-label="State"><button class="quiet bare" aria-label=${`State of ${row.name}: ${state.label}. Change it`} onClick=${() => dialogs.state(row.name)}><${Badge} kind=${state.kind}>${state.label}<//></button></td>
      <td role="cell" data-label="Replicas"><${Replicas} row=${row} /></td>
      <td role="cell" data-label="Load"><${Load} row=${row} /></td>
      <td role="cell" data-label="Telemetry" class="coverage ${full ? "" : "warn"}">${coverage}</td>
      <td role="cell" data-label="Last decision" class="why"><p>${row.words ?? "No decision yet."}</p>
        <small>${row.hold ? `${words(row.hold)} · ` : ""}${row.last_change_unix_ms ? `changed ${ago(row.last_change_unix_ms, now)}` : "not changed yet"}</small></td>
    </tr>`;
  }
}

function Summary({ rows, head, now }) {
  const count = (key) => rows.filter((row) => FILTERS.find(([name]) => name === key)[2](row, now)).length;
  const gaps = head.expected - head.reporting;
  return html`<dl class="tiles">
    <${Tile} label="Services" value=${head.services} />
    <${Tile} label="Replicas serving" value=${head.serving} of=${head.replicas} />
    <${Tile} label="Changing" value=${count("changing")} />
    <${Tile} label="At maximum" value=${count("maximum")} kind=${count("maximum") ? "warn" : ""} />
    <${Tile} label="Telemetry" value=${percent(head.expected ? head.reporting / head.expected : null)} kind=${gaps > head.expected * 0.1 ? "warn" : ""} />
  </dl>`;
}

function Nothing({ head }) {
  return html`<${Empty} title="No service has opted in yet">
    <p>A service is scaled when its stack file says so:</p>
    <pre>deploy:
  labels:
    swarmtide.enable: "true"
    swarmtide.min: "2"
    swarmtide.max: "10"
    swarmtide.cpu.high: "70%"
    swarmtide.cpu.low: "30%"</pre>
    <p class="note">${head.agents} agents send telemetry to this sidecar.</p>
  <//>`;
}

/** The view. */
export function ServicesView({ dialogs }) {
  const { rows, head } = useServices();
  const now = useNow(head);
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState("all");
  const [order, setOrder] = useState("name");
  const all = useMemo(() => [...rows.values()], [rows]);
  const shown = useMemo(() => {
    const fits = FILTERS.find(([key]) => key === filter)[2];
    const wanted = search.trim().toLowerCase();
    return all.filter((row) => row.name.toLowerCase().includes(wanted) && fits(row, now)).sort(ORDERS[order]);
  }, [all, filter, search, order, now]);
  if (!head) return html`<div class="view"><${Heading}>Services<//><${Loading} rows=${6} /></div>`;
  if (all.length === 0) return html`<div class="view"><${Heading}>Services<//><${Nothing} head=${head} /></div>`;
  const tick = Math.floor(now / 5000);
  return html`<div class="view"><${Heading}>Services<//>
    <${Summary} rows=${all} head=${head} now=${now} />
    <div class="tools">
      <${Search} value=${search} onChange=${setSearch} label="Find a service" />
      <${Choice} label="Show" value=${filter} options=${FILTERS} onChange=${setFilter} />
      <label class="select">Sort by <select value=${order} onChange=${(event) => setOrder(event.target.value)}>
        <option value="name">name</option><option value="load">load</option><option value="replicas">replicas</option><option value="change">last change</option>
      </select></label>
    </div>
    ${shown.length === 0 ? html`<${Empty} title="Nothing like that"><p>No service fits the search and the filter.</p><//>`
      : html`<table class="services cards" role="table"><caption class="hidden">Services that opted in</caption>
        <thead role="rowgroup"><tr role="row">${["Service", "State", "Replicas", "Load", "Telemetry", "Last decision"].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
        <tbody role="rowgroup">${shown.map((row) => html`<${Line} key=${row.name} row=${row} now=${now} tick=${tick} dialogs=${dialogs} />`)}</tbody>
      </table>`}
    <p class="note count" role="status">${shown.length} of ${all.length} services</p></div>`;
}
