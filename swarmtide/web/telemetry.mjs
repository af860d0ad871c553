// Telemetry: who sends, how much of it arrives, and who talks to whom.

import { html, useState } from "./vendor/htm-preact-standalone.mjs";
import { Badge, Bar, Empty, Failed, Heading, Loading, Search, Tile, loadKind } from "./parts.mjs";
import { usePoll } from "./store.mjs";
import { percent, short, span } from "./format.mjs";

/** Agents that are drawn at once. */
const SHOWN = 200;

const lossOf = (agent) => (agent.datagrams + agent.datagrams_lost ? agent.datagrams_lost / (agent.datagrams + agent.datagrams_lost) : 0);

/** What is wrong with an agent, in words; empty when nothing is. */
function faultOf(agent) {
  if (!agent.live) return "silent";
  if (agent.duplicate === "other_host") return "another host has the same agent address: set agent= in its hsflowd.conf";
  if (lossOf(agent) > 0.01) return "datagrams are lost on the way";
  return "";
}

function Agent({ agent }) {
  const fault = faultOf(agent), { cpu_utilization: cpu, mem_utilization: memory, load_one: load } = agent.metrics;
  return html`<tr role="row"><th role="rowheader" scope="row"><b>${agent.hostname ?? "unknown host"}</b><small class="id">${agent.agent ?? "?"}${agent.source !== agent.agent ? ` from ${agent.source}` : ""}</small>
      ${fault ? html`<p class="reason">${fault}</p>` : null}</th>
    <td role="cell" data-label="State"><${Badge} kind=${agent.live ? "good" : "bad"}>${agent.live ? "live" : "silent"}<//></td>
    <td role="cell" data-label="Last datagram" class="number">${span(agent.age_ms)}</td>
    <td role="cell" data-label="Interval" class="number">${span(agent.polling_ms)}</td>
    <td role="cell" data-label="Lost" class="number ${agent.datagrams_lost ? "warn" : ""}">${percent(lossOf(agent), lossOf(agent) && lossOf(agent) < 0.01 ? 2 : 0)}</td>
    <td role="cell" data-label="Sources" class="number">${agent.data_sources}</td>
    <td role="cell" data-label="CPU of the host"><div class="load"><div class="figure"><b>${percent(cpu === undefined ? null : cpu / 100)}</b></div><${Bar} share=${cpu === undefined ? null : cpu / 100} kind=${loadKind(cpu === undefined ? null : cpu / 100)} label=${`CPU ${short(cpu)} %`} /></div></td>
    <td role="cell" data-label="Memory" class="number">${percent(memory === undefined ? null : memory / 100)}</td>
    <td role="cell" data-label="Load" class="number">${short(load)}</td></tr>`;
}

function Agents() {
  const { data, error } = usePoll("/v1/agents", 2000);
  const [search, setSearch] = useState("");
  if (!data) return error ? html`<${Failed} error=${error} />` : html`<${Loading} rows=${6} />`;
  if (data.length === 0) {
    return html`<${Empty} title="No agent has been heard"><p>Start one on each node, and let UDP port 6343 through to here:</p><pre>swarmtide agent --collector THIS-HOST</pre>
      <p class="note">On the nodes, <code>ss -unp</code> shows whether it sends; here, <code>tcpdump -ni any udp port 6343</code> shows whether it arrives.</p><//>`;
  }
  const sum = (of) => data.reduce((total, agent) => total + of(agent), 0);
  const received = sum((agent) => agent.datagrams), lost = sum((agent) => agent.datagrams_lost), silent = data.filter((agent) => !agent.live).length;
  const rank = (agent) => (faultOf(agent) ? 0 : 1);
  const fitting = data.filter((agent) => `${agent.hostname} ${agent.agent} ${agent.source}`.toLowerCase().includes(search.trim().toLowerCase()))
    .sort((a, b) => rank(a) - rank(b) || (a.hostname ?? "").localeCompare(b.hostname ?? "", undefined, { numeric: true }));
  return html`<div class="view"><dl class="tiles">
      <${Tile} label="Agents" value=${data.length} /><${Tile} label="Silent" value=${silent} kind=${silent ? "bad" : ""} />
      <${Tile} label="Datagrams" value=${short(received)} /><${Tile} label="Lost" value=${percent(received + lost ? lost / (received + lost) : 0, lost ? 2 : 0)} kind=${lost > received * 0.01 ? "warn" : ""} />
      <${Tile} label="Oldest" value=${span(Math.max(...data.map((agent) => agent.age_ms)))} /></dl>
    <${Failed} error=${error} />
    <section aria-labelledby="agents"><div class="heading small"><h2 id="agents">Agents</h2><${Search} value=${search} onChange=${setSearch} label="Find a host" /></div>
      <table class="cards agents" role="table"><caption class="hidden">sFlow agents</caption>
        <thead role="rowgroup"><tr role="row">${["Host", "State", "Last datagram", "Interval", "Lost", "Sources", "CPU of the host", "Memory", "Load"].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
        <tbody role="rowgroup">${fitting.slice(0, SHOWN).map((agent) => html`<${Agent} key=${`${agent.source} ${agent.agent} ${agent.sub_agent}`} agent=${agent} />`)}</tbody></table>
      ${fitting.length > SHOWN ? html`<p class="note">The first ${SHOWN} of ${fitting.length}.</p>` : null}</section></div>`;
}

const KINDS = { service: "", container: "container", node: "node", external: "outside" };

const End = ({ end }) => html`<span class="end">${end.kind === "service" ? html`<a href=${`#/services/${encodeURIComponent(end.name)}`}>${end.name}</a>` : html`<span class="id">${end.name}</span>`} ${KINDS[end.kind] ? html`<small>${KINDS[end.kind]}</small>` : null}</span>`;

/** One way of a conversation: who, to whom, and how much of all bytes that is. */
function Talker({ talker, total }) {
  const share = total > 0 ? talker.bytes_per_second / total : null, rate = short(talker.bytes_per_second, "B/s");
  return html`<tr role="row"><th role="rowheader" scope="row"><div class="pair"><${End} end=${talker.source} /><span class="arrow"><span class="hidden">to</span></span><${End} end=${talker.destination} /></div></th>
    <td role="cell" data-label="Port"><span class="id">${talker.protocol}${talker.port ? ` ${talker.port}` : ""}</span></td>
    <td role="cell" data-label="Share of all bytes" class="share"><div class="load"><div class="figure"><b>${percent(share, share < 0.0995 ? 1 : 0)}</b></div><${Bar} share=${share} kind="good" label=${`${percent(share, 1)} of all bytes`} /></div></td>
    <td role="cell" data-label="Bytes" class="number right">${rate}</td>
    <td role="cell" data-label="May be off by" class="number right muted">± ${percent(talker.error_percent / 100, talker.error_percent < 9.95 ? 1 : 0)}</td>
    <td role="cell" data-label="Packets" class="number right">${short(talker.packets_per_second, "/s")}</td></tr>`;
}

const HEADS = [["Port", ""], ["Share of all bytes", ""], ["Bytes", "right"], ["May be off by", "right"], ["Packets", "right"]];

function Talkers() {
  const { data, error } = usePoll("/v1/talkers?limit=20", 3000);
  const none = (words) => html`<section aria-labelledby="talkers"><h2 id="talkers">Who talks to whom</h2><${Empty} title="No packet samples">${words}<//></section>`;
  if (!data) {
    if (!error) return html`<${Loading} />`;
    return none(html`<p>${error}</p>`);
  }
  if (data.talkers.length === 0) {
    return none(html`<p>${data.sampling_agents ? `${data.sampling_agents} agents sample packets; none came in the last ${data.window_seconds} s.` : "No agent samples packets. Counters, and all scaling by them, work without."}</p>`);
  }
  const total = data.bytes_per_second, listed = data.talkers.reduce((sum, talker) => sum + talker.bytes_per_second, 0);
  const key = ({ source, destination, protocol, port }) => [source.kind, source.name, destination.kind, destination.name, protocol, port].join(" ");
  return html`<section aria-labelledby="talkers"><h2 id="talkers">Who talks to whom <small>${short(total, "B/s")} over the last ${data.window_seconds} s, from ${short(data.samples)} sampled packets of ${data.sampling_agents} agents</small></h2>
    <${Failed} error=${error} />
    <table class="cards talkers" role="table"><caption class="hidden">Who talks to whom</caption>
    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col"><div class="pair"><span>From</span><span></span><span>To</span></div></th>${HEADS.map(([name, kind]) => html`<th role="columnheader" scope="col" class=${kind}>${name}</th>`)}</tr></thead>
    <tbody role="rowgroup">${data.talkers.map((talker) => html`<${Talker} key=${key(talker)} talker=${talker} total=${total} />`)}</tbody></table>
    ${listed < total * 0.9995 ? html`<p class="note">The ${data.talkers.length} largest, with ${percent(listed / total)} of all bytes.</p>` : null}</section>`;
}

/** The view. */
export const TelemetryView = () => html`<div class="view"><${Heading}>Telemetry<//><${Agents} /><${Talkers} /></div>`;
