// The replicas of a service, those that differ from the others first.

import { html, useState } from "./vendor/htm-preact-standalone.mjs";
import { Badge, Bar, Empty, Failed, Loading, loadKind } from "./parts.mjs";
import { usePoll } from "./store.mjs";
import { moment, percent, short, span } from "./format.mjs";

/** Rows that are drawn at once. */
const SHOWN = 100;

const PHASES = { serving: "good", starting: "warn", draining: "warn", unreachable: "bad" };

const COLUMNS = [
  ["slot", "Replica", (a, b) => (a.slot ?? 0) - (b.slot ?? 0)],
  ["node", "Node", (a, b) => (a.node ?? "").localeCompare(b.node ?? "")],
  ["phase", "Phase", (a, b) => a.phase.localeCompare(b.phase)],
  ["cpu", "CPU of the limit", (a, b) => (b.cpu_of_limit ?? -1) - (a.cpu_of_limit ?? -1)],
  ["memory", "Memory", (a, b) => (b.memory_bytes ?? -1) - (a.memory_bytes ?? -1)],
  ["in", "In", (a, b) => (b.bytes_in ?? -1) - (a.bytes_in ?? -1)],
  ["out", "Out", (a, b) => (b.bytes_out ?? -1) - (a.bytes_out ?? -1)],
  ["age", "Counters", (a, b) => (b.age_ms ?? Infinity) - (a.age_ms ?? Infinity)],
];

/** How a replica stands out: words that its own row has no room for. */
function Standing({ outlier }) {
  // Which replica it is, and that it is in quarantine, stands in the row above.
  const what = outlier.words.replace(/^Replica \S+ /, "").replace(/; it is in quarantine\.$/, ".");
  const done = outlier.quarantined ? " It gets no new connections, and another replica stands in for it." : "";
  return html`<tr role="row" class="outlier words"><td role="cell" colspan=${COLUMNS.length}><p><b>Stands out:</b> it ${what}${done} <small>since ${moment(outlier.since_unix_ms)}</small></p></td></tr>`;
}

function Row({ replica }) {
  const { outlier, fresh } = replica;
  return html`<tr role="row" class=${outlier ? "outlier" : ""}>
    <th role="rowheader" scope="row"><b>${replica.slot ?? "–"}</b> <small class="id">${replica.container ?? ""}</small></th>
    <td role="cell" data-label="Node">${replica.node ?? "no node yet"}</td>
    <td role="cell" data-label="Phase">${outlier?.quarantined ? html`<${Badge} kind="warn">in quarantine<//>` : html`<${Badge} kind=${PHASES[replica.phase] ?? "plain"}>${replica.phase}<//>`}</td>
    <td role="cell" data-label="CPU of the limit"><div class="load"><div class="figure"><b>${percent(replica.cpu_of_limit)}</b></div>
      <${Bar} share=${replica.cpu_of_limit} kind=${loadKind(replica.cpu_of_limit)} label=${`CPU ${percent(replica.cpu_of_limit)} of the limit`} /></div></td>
    <td role="cell" data-label="Memory" class="number">${short(replica.memory_bytes, "B")}</td>
    <td role="cell" data-label="In" class="number">${short(replica.bytes_in, "B/s")}</td>
    <td role="cell" data-label="Out" class="number">${short(replica.bytes_out, "B/s")}</td>
    <td role="cell" data-label="Counters" class="number">${fresh ? span(replica.age_ms) : html`<${Badge} kind="warn">none fresh<//>`}</td>
  </tr>`;
}

/** A replica's row, and the words below it where it stands out. */
const rows = (replica) => [html`<${Row} key=${replica.task} replica=${replica} />`,
  replica.outlier ? html`<${Standing} key=${`${replica.task} words`} outlier=${replica.outlier} />` : null];

/** The table. */
export function ReplicaTable({ path }) {
  const { data, error } = usePoll(`${path}/replicas?limit=500`, 2000);
  const [order, setOrder] = useState("slot");
  if (!data) return error ? html`<${Failed} error=${error} />` : html`<${Loading} />`;
  const [, , compare] = COLUMNS.find(([key]) => key === order);
  const sorted = [...data.replicas].sort((a, b) => Number(b.outlier !== null) - Number(a.outlier !== null) || compare(a, b));
  const shown = sorted.slice(0, SHOWN);
  const outliers = data.replicas.filter((replica) => replica.outlier).length;
  return html`<section aria-labelledby="replicas"><h2 id="replicas">Replicas <small>${data.total}</small>${outliers ? html` <${Badge} kind="warn">${outliers === 1 ? "1 stands out from the others" : `${outliers} stand out from the others`}<//>` : null}</h2>
    <${Failed} error=${error} />
    ${shown.length === 0 ? html`<${Empty} title="No replica"><p>The swarm has no task of this service that runs or is about to.</p><//>`
      : html`<table class="cards replicas-table" role="table"><caption class="hidden">Replicas</caption>
      <thead role="rowgroup"><tr role="row">${COLUMNS.map(([key, name]) => html`<th role="columnheader" scope="col" aria-sort=${key === order ? "other" : null}><button class="bare" onClick=${() => setOrder(key)}>${name}</button></th>`)}</tr></thead>
      <tbody role="rowgroup">${shown.flatMap(rows)}</tbody></table>`}
    ${data.total > shown.length ? html`<p class="note">The first ${shown.length} of ${data.total} in this order.</p>` : null}
  </section>`;
}
