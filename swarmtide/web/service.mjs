// One service: what it does over time, what was decided and why, and each of its replicas.

import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact-standalone.mjs";
import { Problem, call, told } from "./api.mjs";
import { Chart } from "./charts.mjs";
import { Badge, Choice, Empty, Failed, Heading, Loading, stateOf, useNow } from "./parts.mjs";
import { ReplicaTable } from "./replicas.mjs";
import { Load, Replicas } from "./services.mjs";
import { usePoll, useServices } from "./store.mjs";
import { ago, clock, isShare, metricName, metricValue, percent, short, span, words } from "./format.mjs";

/** Points that the page asks for at first, and keeps at most. */
const POINTS = 450, POINTS_MAX = 900;

const WINDOWS = [[300, "5 min"], [900, "15 min"], [3600, "1 h"]];

const COLUMNS = ["unix_ms", "replicas", "serving", "wanted", "min", "max", "load", "coverage"];

/** Columns with newer ones behind them; a column that is new begins with nulls, one that ended goes on with them. */
function joined(before, after) {
  const old = before.unix_ms.length, fresh = after.unix_ms.length;
  const column = (a, b) => [...(a ?? Array(old).fill(null)), ...(b ?? Array(fresh).fill(null))].slice(-POINTS_MAX);
  const group = (a, b) => Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, column(a[key], b[key])]));
  const all = { step_ms: after.step_ms, metrics: group(before.metrics, after.metrics), shadows: group(before.shadows, after.shadows) };
  for (const key of COLUMNS) all[key] = column(before[key], after[key]);
  return all;
}

/** The service's series: all of it first, then what is new. */
function useSeries(name) {
  const [state, setState] = useState({ data: null, error: "", waiting: false });
  useEffect(() => {
    const ended = new AbortController();
    let timer, data = null;
    const ask = async () => {
      const path = `/v1/services/${encodeURIComponent(name)}/series`;
      const query = data ? `from=${data.unix_ms.at(-1) + 1}&points=900` : `points=${POINTS}`;
      try {
        const answer = await call(`${path}?${query}`, { signal: ended.signal });
        if (!data && answer.unix_ms.length > 0) data = answer;
        else if (data && answer.unix_ms.length > 0) data = joined(data, answer);
        if (!ended.signal.aborted) setState({ data, error: "", waiting: data === null });
      } catch (error) {
        if (ended.signal.aborted) return;
        const waiting = error instanceof Problem && error.status === 404;
        setState({ data, error: waiting ? "" : told(error), waiting });
      }
      timer = setTimeout(ask, 1000);
    };
    ask();
    return () => { ended.abort(); clearTimeout(timer); };
  }, [name]);
  return state;
}

/** Records kept on the page. */
const RECORDS_MAX = 300;

/** Decision records, the newest first: all that are kept at first, then those that changed. */
function useDecisions(name) {
  const [records, setRecords] = useState(null);
  useEffect(() => {
    const ended = new AbortController();
    let timer, known = new Map(), since = 0;
    const ask = async () => {
      // Holds are many; changes are kept for longer, and all of them are marks on the charts.
      const queries = since ? [`from_unix_ms=${since}&limit=100`] : ["limit=60", "changes=true&limit=200"];
      try {
        const asked = queries.map((query) => call(`/v1/services/${encodeURIComponent(name)}/decisions?${query}`, { signal: ended.signal }));
        for (const record of (await Promise.all(asked)).flat()) known.set(record.tick, record);
        const sorted = [...known.values()].sort((a, b) => b.tick - a.tick).slice(0, RECORDS_MAX);
        known = new Map(sorted.map((record) => [record.tick, record]));
        since = sorted[0]?.last_unix_ms ?? 0;
        if (!ended.signal.aborted) setRecords(sorted);
      } catch { /* the notice above the view says that the sidecar is away */ }
      if (!ended.signal.aborted) timer = setTimeout(ask, 1500);
    };
    ask();
    return () => { ended.abort(); clearTimeout(timer); };
  }, [name]);
  return records;
}

/** A record as a mark on a chart: only what changed something, or would have. */
function mark(record) {
  const { decision } = record;
  if (decision.action !== "scale") return null;
  const written = record.outcome?.outcome === "applied" || record.outcome?.outcome === "pending";
  const way = !written ? "none" : decision.to > decision.from ? "up" : "down";
  return { at: record.first_unix_ms, way, tick: record.tick, words: record.explanation };
}

/** What stands above 100 % or a mark, by metric: thresholds of the policy. */
function thresholdsOf(policy, metric) {
  const marks = policy?.marks?.[metric];
  const targets = (policy?.targets ?? []).filter((target) => target.metric === metric);
  return [
    ...(marks ? [{ value: marks.high, name: `high ${metricValue(metric, marks.high)}`, tone: "bad" }] : []),
    ...(marks?.low ? [{ value: marks.low, name: `low ${metricValue(metric, marks.low)}`, tone: "muted" }] : []),
    ...targets.map((target) => ({ value: target.value, name: `${target.aim === "capacity" ? "capacity" : "target"} ${metricValue(metric, target.value)}`, tone: "warn" })),
  ];
}

const SHADOW_TONES = ["shadow-1", "shadow-2", "shadow-3", "shadow-4"];

function replicaLines(data) {
  const shadows = Object.entries(data.shadows).map(([name, values], index) => ({ name, values, tone: SHADOW_TONES[index % SHADOW_TONES.length], dash: [6, 4], width: 1.5, stepped: true }));
  return [
    { name: "serving", values: data.serving, tone: "accent", fill: true, stepped: true },
    { name: "wanted", values: data.wanted, tone: "warn", width: 1.25, stepped: true },
    ...shadows,
  ];
}

/** Metrics in the order in which they matter: those that are acted on first. */
function metricsOf(data, policy) {
  const acted = new Set([...Object.keys(policy?.marks ?? {}), ...(policy?.targets ?? []).map((target) => target.metric)]);
  const all = Object.keys(data.metrics);
  return [...all.filter((metric) => acted.has(metric)), ...all.filter((metric) => !acted.has(metric))].map((metric) => [metric, acted.has(metric)]);
}

function Charts({ data, policy, decisions, chosen, onDecision }) {
  const [windowSeconds, setWindow] = useState(900);
  const [all, setAll] = useState(false);
  const x = useMemo(() => data.unix_ms.map((at) => at / 1000), [data]);
  const shared = { decisions, chosen, windowSeconds };
  const bounds = policy ? [{ value: policy.max, name: `max ${policy.max}`, tone: "muted" }, { value: policy.min, name: `min ${policy.min}`, tone: "muted" }] : [];
  const metrics = metricsOf(data, policy);
  const shown = metrics.filter(([, acted], index) => all || acted || index === 0);
  return html`<section aria-label="Charts">
    <div class="tools"><${Choice} label="Stretch of time" value=${windowSeconds} options=${WINDOWS} onChange=${setWindow} />
      <span class="note">Triangles are changes: ▲ grown, ▼ shrunk. Point at one for its reason.</span></div>
    <div class="charts">
      <${Chart} title="Replicas" x=${x} height=${220} onDecision=${onDecision}
        spec=${{ ...shared, lines: replicaLines(data), thresholds: bounds, show: (value) => (value === null ? "–" : short(value)), least: 3, whole: true }} />
      ${shown.map(([metric]) => html`<${Chart} key=${metric} title=${`${metricName(metric)} per replica`} x=${x} onDecision=${onDecision}
        spec=${{ ...shared, lines: [{ name: metricName(metric), values: data.metrics[metric], tone: "accent", fill: true }], thresholds: thresholdsOf(policy, metric), show: (value) => metricValue(metric, value), least: isShare(metric) ? 0.2 : 0 }} />`)}
    </div>
    ${metrics.length > shown.length || all ? html`<button class="quiet more" onClick=${() => setAll(!all)}>${all ? "Only what is acted on" : `Show ${metrics.length - shown.length} more metrics`}</button>` : null}
  </section>`;
}

function outcomeOf(record) {
  const { decision, outcome } = record;
  if (decision.action !== "scale") return ["plain", words(decision.reason)];
  const change = `${decision.from} → ${decision.to}`;
  const kind = outcome?.outcome === "applied" ? (decision.to > decision.from ? "up" : "down") : outcome?.outcome === "dry_run" ? "warn" : outcome?.outcome === "pending" ? "plain" : "bad";
  return [kind, outcome?.outcome === "applied" ? change : `${change}, ${words(outcome?.outcome ?? "")}`];
}

function Decisions({ records, chosen, onChoose }) {
  const [what, setWhat] = useState("changes");
  const list = useRef(null);
  useEffect(() => { list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  if (!records) return html`<${Loading} />`;
  const shown = records.filter((record) => what === "all" || record.decision.action === "scale").slice(0, 60);
  return html`<section aria-labelledby="decisions"><div class="heading small"><h2 id="decisions">Decisions</h2>
    <${Choice} label="Which decisions" value=${what} options=${[["changes", "Changes"], ["all", "Everything"]]} onChange=${setWhat} /></div>
    ${shown.length === 0 ? html`<${Empty} title="No change yet"><p>Nothing has been changed since the sidecar began. “Everything” shows why.</p><//>`
      : html`<ol class="decisions" ref=${list} tabindex="0" aria-label="Decisions, the newest first">${shown.map((record) => {
        const [kind, label] = outcomeOf(record);
        const lasted = record.last_unix_ms - record.first_unix_ms;
        return html`<li key=${record.tick} aria-current=${record.tick === chosen ? "true" : null}>
          <button class="bare" onClick=${() => onChoose(record.tick)}><time>${clock(record.first_unix_ms)}</time><${Badge} kind=${kind}>${label}<//>
            <span>${record.explanation}</span>${lasted > 999 ? html`<small>${span(lasted)}</small>` : null}</button></li>`;
      })}</ol>`}
  </section>`;
}

function Shadows({ shadows }) {
  if (!shadows || shadows.length === 0) return null;
  return html`<section aria-labelledby="shadows"><h2 id="shadows">Other policies on the same telemetry</h2>
    <p class="note">They decide and nothing comes of it: what they would have cost, against the policy that acts.</p>
    <table class="cards" role="table"><thead role="rowgroup"><tr role="row">${["Policy", "Replicas", "Cost", "Below the live one", "Changes", "Last decision"].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
      <tbody role="rowgroup">${shadows.map((shadow) => {
        const cost = shadow.live_replica_seconds > 0 ? shadow.replica_seconds / shadow.live_replica_seconds : null;
        return html`<tr role="row" key=${shadow.candidate}><th role="rowheader" scope="row">${shadow.candidate}</th>
          <td role="cell" data-label="Replicas" class="number">${shadow.replicas}</td>
          <td role="cell" data-label="Cost" class="number">${percent(cost)}</td>
          <td role="cell" data-label="Below the live one" class="number">${span(shadow.below_live_seconds * 1000)}</td>
          <td role="cell" data-label="Changes" class="number">▲ ${shadow.scale_ups}  ▼ ${shadow.scale_downs}</td>
          <td role="cell" data-label="Last decision" class="why"><p>${shadow.explanation ?? "–"}</p></td></tr>`;
      })}</tbody></table></section>`;
}

function Facts({ row, policy, now }) {
  const cooldown = policy ? `${span(policy.cooldown_ms.up)} up, ${span(policy.cooldown_ms.down)} down` : "–";
  const facts = [
    ["Replicas", html`<${Replicas} row=${row} />`],
    ["Load", html`<${Load} row=${row} />`],
    ["Telemetry", `${row.reporting} of ${row.expected} replicas report`],
    ["Last change", row.last_change_unix_ms ? ago(row.last_change_unix_ms, now) : "none yet"],
    ["Cooldown", cooldown],
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** What cannot be shown, and why. */
function Missing({ name, error }) {
  return html`<div class="view"><a class="back" href="#/services">Services</a><${Heading}>${name}<//>
    ${error ? html`<${Empty} title="There is nothing to show"><p>${error}</p><//>` : html`<${Loading} rows=${6} />`}</div>`;
}

/** The view. */
export function ServiceView({ name, dialogs }) {
  const { rows, head } = useServices();
  const row = rows.get(name);
  const now = useNow(head);
  const path = `/v1/services/${encodeURIComponent(name)}`;
  const series = useSeries(name);
  const records = useDecisions(name);
  const policy = usePoll(`${path}?decisions=0`, 10_000);
  const shadows = usePoll(`${path}/shadows`, 3000);
  const [chosen, setChosen] = useState(null);
  const decisions = useMemo(() => (records ?? []).map(mark).filter(Boolean), [records]);
  if (!row) return html`<${Missing} name=${name} error=${head ? policy.error : ""} />`;
  const state = stateOf(row, now);
  const rules = policy.data?.policy ?? null;
  return html`<div class="view"><a class="back" href="#/services">Services</a>
    <${Heading} aside=${html`<div class="actions"><${Badge} kind=${state.kind}>${state.label}<//>
      <button onClick=${() => dialogs.state(name)}>Switch …</button><button onClick=${() => dialogs.pause(name)}>Pause …</button></div>`}>${name}<//>
    <p class="lead" aria-live="polite">${row.words ?? "Nothing has been decided yet."}</p>
    ${(policy.data?.label_errors ?? []).map((error) => html`<p class="failed">${error}</p>`)}
    <${Facts} row=${row} policy=${rules} now=${now} />
    <${Failed} error=${series.error} />
    ${series.data ? html`<${Charts} data=${series.data} policy=${rules} decisions=${decisions} chosen=${chosen} onDecision=${(found) => setChosen(found.tick)} />`
      : series.waiting ? html`<${Empty} title="The first points are on their way"><p>Charts begin as soon as the sidecar has looked twice.</p><//>` : html`<${Loading} rows=${5} />`}
    <${Decisions} records=${records} chosen=${chosen} onChoose=${setChosen} />
    <${ReplicaTable} path=${path} />
    <${Shadows} shadows=${shadows.data} /></div>`;
}
