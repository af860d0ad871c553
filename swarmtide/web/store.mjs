// What the page knows of all services: the rows of the stream, kept up to date for every view.

import { html, createContext, useContext, useEffect, useRef, useState } from "./vendor/htm-preact-standalone.mjs";
import { call, listen, told } from "./api.mjs";

/** Points of a spark line, as the sidecar sends them. */
const SPARK_POINTS = 40;

const EMPTY = { rows: new Map(), head: null, connected: false, error: "", sparkMs: 4000 };
const Context = createContext(EMPTY);

/** The rows by name, the head, and whether they are current. */
export const useServices = () => useContext(Context);

/** Load in per cent of the mark; -1 when it is not known. */
const loadOf = (row) => (row.load ? Math.min(999, Math.round((row.load.average / row.load.mark) * 100)) : -1);

/** Adds the newest load to a spark line: in place of the last point until its time is over. */
function sparked(row, before, now, stepMs) {
  const spark = before?.spark ? [...before.spark] : [];
  const at = before?.sparkAt ?? 0;
  const load = loadOf(row);
  if (now - at < stepMs && spark.length > 0) {
    spark[spark.length - 1] = load;
    return { ...row, spark, sparkAt: at };
  }
  spark.push(load);
  return { ...row, spark: spark.slice(-SPARK_POINTS), sparkAt: now };
}

/** The state after an event of the stream. */
function next(state, event) {
  const rows = event.full ? new Map() : new Map(state.rows);
  const sparkMs = event.first?.step_ms ?? state.sparkMs;
  const now = event.head.unix_ms;
  for (const row of event.rows) {
    const spark = event.first?.sparks?.[row.name];
    const before = spark ? { spark, sparkAt: now } : state.rows.get(row.name);
    rows.set(row.name, sparked(row, before, now, sparkMs));
  }
  return { ...state, rows, sparkMs, head: event.head };
}

/** Listens for as long as the page is there. */
export function Services({ children }) {
  const [state, setState] = useState(EMPTY);
  useEffect(() => listen(
    "/v1/stream?view=services",
    (event) => setState((state) => next(state, event)),
    (change) => setState((state) => (
      state.connected === change.connected && state.error === change.error ? state : { ...state, ...change }
    )),
  ), []);
  return html`<${Context.Provider} value=${state}>${children}<//>`;
}

/** Asks again and again while the view is there; the last answer stays when a call fails. */
export function usePoll(path, everyMs) {
  const [state, setState] = useState({ data: null, error: "", path: null });
  useEffect(() => {
    if (!path) return undefined;
    const ended = new AbortController();
    let timer;
    const ask = async () => {
      try {
        const data = document.hidden && timer ? undefined : await call(path, { signal: ended.signal });
        if (data !== undefined && !ended.signal.aborted) setState({ data, error: "", path });
      } catch (error) {
        if (ended.signal.aborted) return;
        setState((before) => ({ data: before.path === path ? before.data : null, error: told(error), path }));
      }
      if (!ended.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    ask();
    return () => { ended.abort(); clearTimeout(timer); };
  }, [path, everyMs]);
  return state.path === path ? state : { data: null, error: "", path };
}

/** Rows of another stream, by key, while the view is there. */
export function useStream(path, keyOf) {
  const [state, setState] = useState({ rows: new Map(), head: null, connected: false, error: "" });
  const key = useRef(keyOf);
  useEffect(() => listen(
    path,
    (event) => setState((state) => {
      const rows = event.full ? new Map() : new Map(state.rows);
      for (const row of event.rows) rows.set(key.current(row), row);
      return { ...state, rows, head: event.head };
    }),
    (change) => setState((state) => ({ ...state, ...change })),
  ), [path]);
  return state;
}
