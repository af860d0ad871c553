// The journal: what happened, the newest first, by service and kind.

import { html, useEffect, useState } from "./vendor/htm-preact-standalone.mjs";
import { call, told } from "./api.mjs";
import { Badge, Empty, Failed, Heading, Loading } from "./parts.mjs";
import { useServices } from "./store.mjs";
import { moment, words } from "./format.mjs";

const PAGE = 100, KEPT = 500;

const KINDS = ["scaled", "not_scaled", "held", "at_maximum", "telemetry_lost", "telemetry_back", "shortage", "shortage_over", "node_pool", "paused"];

/** How much a kind of event matters. */
const TONES = { not_scaled: "bad", at_maximum: "warn", telemetry_lost: "bad", telemetry_back: "good", shortage: "warn", shortage_over: "good", held: "warn", node_pool: "warn", paused: "warn" };

const tone = (line) => (line.event === "scaled" ? (line.to > line.from ? "up" : "down") : TONES[line.event] ?? "plain");
const label = (line) => (line.event === "scaled" ? `${line.from} → ${line.to}` : words(line.event));

/** Lines that fit, the newest first; more of them on demand, newer ones by themselves. */
function useLines(service, event) {
  const [state, setState] = useState({ lines: null, error: "", end: false });
  const filter = new URLSearchParams({ ...(service ? { service } : {}), ...(event ? { event } : {}) }).toString();
  useEffect(() => {
    const ended = new AbortController();
    let timer;
    setState({ lines: null, error: "", end: false });
    const ask = async () => {
      try {
        const found = await call(`/v1/journal?limit=${PAGE}&${filter}`, { signal: ended.signal });
        if (ended.signal.aborted) return;
        setState((before) => {
          const oldest = found.at(-1)?.seq ?? 0;
          const older = (before.lines ?? []).filter((line) => line.seq < oldest);
          return { lines: [...found, ...older].slice(0, KEPT), error: "", end: before.lines ? before.end : found.length < PAGE };
        });
      } catch (error) {
        if (!ended.signal.aborted) setState((before) => ({ ...before, error: told(error) }));
      }
      if (!ended.signal.aborted) timer = setTimeout(ask, 3000);
    };
    ask();
    return () => { ended.abort(); clearTimeout(timer); };
  }, [filter]);
  const more = async () => {
    try {
      const found = await call(`/v1/journal?limit=${PAGE}&before=${state.lines.at(-1).seq}&${filter}`);
      setState((before) => ({ lines: [...before.lines, ...found].slice(0, KEPT), error: "", end: found.length < PAGE }));
    } catch (error) {
      setState((before) => ({ ...before, error: told(error) }));
    }
  };
  return { ...state, more };
}

/** Changes the address, so that a filter can be linked to. */
function filterBy(query, key, value) {
  const next = new URLSearchParams(query);
  if (value) next.set(key, value);
  else next.delete(key);
  location.hash = `#/journal${next.size ? `?${next}` : ""}`;
}

/** The view. */
export function JournalView({ query }) {
  const { rows } = useServices();
  const service = query.get("service") ?? "", event = query.get("event") ?? "";
  const { lines, error, end, more } = useLines(service, event);
  const names = [...new Set([...rows.keys(), ...(service ? [service] : [])])].sort();
  return html`<div class="view"><${Heading}>Journal<//>
    <div class="tools">
      <label class="select">Service <select value=${service} onChange=${(change) => filterBy(query, "service", change.target.value)}>
        <option value="">all</option>${names.map((name) => html`<option value=${name} key=${name}>${name}</option>`)}</select></label>
      <label class="select">What <select value=${event} onChange=${(change) => filterBy(query, "event", change.target.value)}>
        <option value="">everything</option>${KINDS.map((kind) => html`<option value=${kind}>${words(kind)}</option>`)}</select></label>
    </div>
    <${Failed} error=${error} />
    ${!lines ? (error ? null : html`<${Loading} rows=${6} />`)
      : lines.length === 0 ? html`<${Empty} title="Nothing has happened"><p>${service || event ? "No event fits." : "Changes, holds that are out of the ordinary, and lost telemetry are noted here."}</p><//>`
      : html`<ol class="journal" aria-label="Events, the newest first">${lines.map((line) => html`<li key=${line.seq}>
          <time>${moment(line.unix_ms)}</time>${line.service ? html`<a href=${`#/services/${encodeURIComponent(line.service)}`}>${line.service}</a>` : html`<span class="none">swarm</span>`}
          <${Badge} kind=${tone(line)}>${label(line)}<//><p>${line.words}</p></li>`)}</ol>
        ${end || lines.length >= KEPT ? html`<p class="note">${end ? "That is all of it." : `The newest ${KEPT}; the API has the rest.`}</p>` : html`<button class="quiet more" onClick=${more}>Show older ones</button>`}`}</div>`;
}
