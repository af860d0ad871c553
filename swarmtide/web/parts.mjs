// Small things that every view is made of.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact-standalone.mjs";
import { span, words } from "./format.mjs";

const STATES = { enabled: "enabled", "dry-run": "dry run", disabled: "disabled" };

/** A word in a coloured pill. */
export const Badge = ({ kind = "plain", children, title }) =>
  html`<span class="badge ${kind}" title=${title}>${children}</span>`;

/** The state of a service in words and colour. */
export function stateOf(row, nowMs) {
  const ends = [row.paused_up_until, row.paused_down_until].filter((end) => end && end > nowMs);
  if (row.state === "enabled" && ends.length > 0) {
    const what = ends.length === 2 ? "paused" : row.paused_up_until > nowMs ? "no growing" : "no shrinking";
    return { kind: "warn", label: `${what}, ${span(Math.max(...ends) - nowMs)}` };
  }
  const kind = row.label_errors > 0 ? "bad" : row.state === "enabled" ? "good" : row.state === "dry-run" ? "warn" : "off";
  return { kind, label: row.label_errors > 0 ? "labels invalid" : STATES[row.state] ?? words(row.state) };
}

/** How a load stands to its mark: calm, near, over. */
export const loadKind = (share) => (share === null ? "off" : share > 1 ? "bad" : share > 0.85 ? "warn" : "good");

/** A bar from 0 to `top`, with marks on it. */
export function Bar({ share, marks = [], kind = "good", top = 1, label }) {
  const width = (value) => Math.max(0, Math.min(1, value / top)) * 100;
  return html`<span class="bar" role="img" aria-label=${label}>
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="8" rx="0" />
      ${share === null ? null : html`<rect class="fill ${kind}" width=${width(share)} height="8" />`}
      ${marks.map((mark) => html`<rect class="mark" x=${width(mark) - 0.4} width="0.8" height="8" />`)}
    </svg>
  </span>`;
}

/** The last values as a small line; the mark is where 100 % is. */
export function Spark({ values }) {
  const top = Math.max(120, ...values);
  const x = (index) => (values.length < 2 ? 0 : (index / (values.length - 1)) * 100);
  const y = (value) => 22 - (value / top) * 20;
  const runs = [];
  let run = [];
  values.forEach((value, index) => {
    if (value < 0) { if (run.length) runs.push(run); run = []; return; }
    run.push(`${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  });
  if (run.length) runs.push(run);
  return html`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
    <line class="limit" x1="0" x2="100" y1=${y(100)} y2=${y(100)} />
    ${runs.map((points) => html`<polyline points=${points.join(" ")} />`)}
  </svg>`;
}

/** What is shown while nothing has come yet. */
export const Loading = ({ rows = 4 }) => html`<div class="loading" role="status" aria-label="Loading">
  ${Array.from({ length: rows }, () => html`<span class="bone"></span>`)}
</div>`;

/** What is shown where there is nothing. */
export const Empty = ({ title, children }) => html`<div class="empty">
  <svg viewBox="0 0 48 24" aria-hidden="true"><path d="M2 16c7-9 14-9 22 0s15 9 22 0" /></svg>
  <h3>${title}</h3>${children}
</div>`;

/** What went wrong, while the view stays as it was. */
export const Failed = ({ error }) => (error ? html`<p class="failed" role="alert">${error}</p>` : null);

/** A dialog over the page; closes on Escape. */
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    const dialog = element.current, opener = document.activeElement;
    dialog.showModal();
    // What had the focus gets it back: not before the dialog is closed, which keeps it from everything else.
    return () => {
      dialog.close();
      if (opener?.isConnected) opener.focus();
    };
  }, []);
  return html`<dialog class=${wide ? "wide" : ""} ref=${element} aria-labelledby="dialog-title" onCancel=${(event) => { event.preventDefault(); onClose(); }}
    onClick=${(event) => event.target === element.current && onClose()}>
    <div class="sheet">
      <header><h2 id="dialog-title">${title}</h2>
        <button class="quiet icon" aria-label="Close" onClick=${onClose}><svg viewBox="0 0 16 16"><path d="M3 3l10 10M13 3L3 13" /></svg></button></header>
      ${children}
    </div>
  </dialog>`;
}

/** A few choices of which one holds. */
export const Choice = ({ label, value, options, onChange }) => html`<div class="choice" role="group" aria-label=${label}>
  ${options.map(([key, name]) => html`<button aria-pressed=${String(key === value)} onClick=${() => onChange(key)}>${name}</button>`)}
</div>`;

/** A field that searches as one types. */
export const Search = ({ value, onChange, label }) => html`<label class="search">
  <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.5" /><path d="M10.500 10.500L14 14" /></svg>
  <input type="search" placeholder=${label} aria-label=${label} value=${value} onInput=${(event) => onChange(event.target.value)} />
</label>`;

/** A number that counts, in large type. */
export const Tile = ({ label, value, of, kind = "" }) => html`<div class="tile ${kind}">
  <dt>${label}</dt><dd>${value}${of === undefined ? null : html`<small> / ${of}</small>`}</dd>
</div>`;

/** The heading of a view: gets the focus when the view is opened, so that a screen reader begins there. */
export function Heading({ children, aside }) {
  const element = useRef(null);
  useEffect(() => {
    if (document.documentElement.dataset.moved) element.current.focus({ preventScroll: true });
  }, []);
  return html`<div class="heading"><h1 tabindex="-1" ref=${element}>${children}</h1>${aside}</div>`;
}

/** The page's clock: the sidecar's time as of its last word, going on by itself. */
export function useNow(head) {
  const offset = useRef(0);
  if (head) offset.current = head.unix_ms - Date.now();
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((count) => count + 1), 5000);
    return () => clearInterval(timer);
  }, []);
  return Date.now() + offset.current;
}
