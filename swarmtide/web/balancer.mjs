// The balancer: which virtual service goes to which nodes and tasks, and whether the kernel agrees.

import { html, useState } from "./vendor/htm-preact-standalone.mjs";
import { Badge, Empty, Failed, Heading, Loading, Search, Tile } from "./parts.mjs";
import { Picture } from "./picture.mjs";
import { usePoll, useStream } from "./store.mjs";
import { short, span, words } from "./format.mjs";

const SOURCES = {
  waiting: "Nothing has been heard of the swarm yet: the table stays as it was found.",
  partial: "The swarm's list may be incomplete: the table before it is kept.",
  away: "The swarm cannot be seen: the last table is kept.",
};

/** What is not as it should be, in words. */
function faultsOf(head) {
  const faults = [];
  if (SOURCES[head.source]) faults.push(SOURCES[head.source]);
  if (head.list_error) faults.push(`The table could not be listed: ${head.list_error}`);
  if (!head.in_sync && head.changes_pending > 0) faults.push(`${head.changes_pending} changes are not in the table yet.`);
  if (head.failing > 0) faults.push(`${head.failing} destinations fail their probe.`);
  return [...faults, ...head.problems];
}

function Table({ head }) {
  const faults = faultsOf(head);
  return html`<dl class="tiles">
      <${Tile} label="Virtual services" value=${head.virtual_services} />
      <${Tile} label="Destinations serving" value=${head.serving} />
      <${Tile} label="Draining" value=${head.draining} />
      <${Tile} label="Drift put right" value=${head.drift_repaired} kind=${head.drift_repaired ? "warn" : ""} />
      <${Tile} label="Table" value=${head.in_sync ? "as it should be" : "changing"} kind=${head.in_sync ? "" : "warn"} />
    </dl>
    <p class="note">${head.data_plane === "memory" ? "The table is kept in memory and forwards nothing (lbsync.data_plane)." : `The table is in the kernel (${head.data_plane}).`}
      ${head.listed_age_ms === null ? "" : ` Compared ${span(head.listed_age_ms)} ago.`} ${head.changes} changes made${head.errors ? `, ${head.errors} refused` : ""}.
      ${head.foreign ? ` ${head.foreign} entries of others are left alone.` : ""}</p>
    ${faults.map((fault) => html`<p class="failed">${fault}</p>`)}`;
}

const nameOf = (row) => row.service ?? "no service any more";

function List({ rows, chosen }) {
  return html`<ul class="vips" aria-label="Virtual services">${rows.map((row) => {
    const bad = row.error || row.weak || row.failing > 0;
    return html`<li key=${row.key}><a href=${`#/balancer/${encodeURIComponent(row.service ?? "")}`} aria-current=${row.service === chosen ? "true" : null}>
      <b>${nameOf(row)}</b><span class="id">${row.address}:${row.port}/${row.protocol}</span>
      <span class="meter">${row.nodes.map((node) => html`<i style=${`flex-grow:${Math.max(node.weight, 0.2)}`} class=${node.weight === 0 ? "off" : ""} title=${`${node.node}: weight ${node.weight}`}></i>`)}</span>
      <small>${row.healthy} of ${row.swarm_serving} fit · ${row.nodes.length} nodes · ${short(row.active_connections)} connections
        ${row.draining ? html` · <em class="warn">${row.draining} draining</em>` : null}${bad ? html` · <em class="bad">${row.error ?? (row.weak ? "fewer than its floor" : `${row.failing} failing`)}</em>` : null}</small>
    </a></li>`;
  })}</ul>`;
}

function Detail({ service }) {
  const { data, error } = usePoll(`/v1/balancer?service=${encodeURIComponent(service)}`, 1500);
  if (!data) return error ? html`<${Failed} error=${error} />` : html`<${Loading} rows=${5} />`;
  if (data.virtual_services.length === 0) return html`<${Empty} title="No virtual service"><p>${service} asks for none, or its labels cannot be used.</p><//>`;
  return html`<div><${Failed} error=${error} />${data.virtual_services.map((one) => html`<section class="vip" key=${`${one.address} ${one.port}`} aria-label=${`${one.address} port ${one.port}`}>
    <div class="heading small"><h2>${one.service ?? "On its way out"} <small class="id">${one.address}:${one.port}/${one.protocol}</small></h2>
      <div class="actions"><${Badge}>${one.scheduler}<//><${Badge} kind=${one.in_sync && one.destinations.every((to) => to.in_sync) ? "good" : "warn"}>${one.in_sync && one.destinations.every((to) => to.in_sync) ? "in sync" : "changing"}<//>
        ${one.weak ? html`<${Badge} kind="bad">fewer than its floor<//>` : null}</div></div>
    ${one.error ? html`<p class="failed">${one.error}</p>` : null}
    <${Picture} service=${one} />
    <p class="note">${one.probe ? `Probed: ${one.probe}.` : "Not probed."} ${short(one.traffic.connections)} connections, ${short(one.traffic.bytes_in, "B")} in and ${short(one.traffic.bytes_out, "B")} out so far.</p>
  </section>`)}</div>`;
}

/** The view. */
export function BalancerView({ what }) {
  const { rows, head, connected, error } = useStream("/v1/stream?view=balancer", (row) => row.key);
  const [search, setSearch] = useState("");
  if (!head) return html`<div class="view"><${Heading}>Balancer<//>${error && !connected ? html`<${Failed} error=${error} />` : html`<${Loading} rows=${6} />`}</div>`;
  if (!head.enabled) {
    return html`<div class="view"><${Heading}>Balancer<//><${Empty} title="The balancer is switched off"><p>This sidecar keeps no table: <code>lbsync.enabled</code> is false.</p><//></div>`;
  }
  const all = [...rows.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b)) || a.port - b.port);
  if (all.length === 0) {
    return html`<div class="view"><${Heading}>Balancer<//><${Table} head=${head} /><${Empty} title="No virtual service"><p>A service gets one when its stack file says so:</p>
      <pre>swarmtide.lb.vip: "10.30.0.1"\nswarmtide.lb.port: "80"</pre><//></div>`;
  }
  const shown = all.filter((row) => `${nameOf(row)} ${row.address}`.toLowerCase().includes(search.trim().toLowerCase()));
  const chosen = what || all.find((row) => row.service)?.service;
  return html`<div class="view"><${Heading}>Balancer<//><${Table} head=${head} />
    <div class="split"><div class="side"><${Search} value=${search} onChange=${setSearch} label="Find a virtual service" />
      ${shown.length ? html`<${List} rows=${shown} chosen=${chosen} />` : html`<p class="note">None fits.</p>`}</div>
      ${chosen ? html`<${Detail} key=${chosen} service=${chosen} />` : null}</div></div>`;
}
