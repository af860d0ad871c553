// Dialogs that change something: states, pauses, and the token that changing takes.

import { html, useState } from "./vendor/htm-preact-standalone.mjs";
import { call, told } from "./api.mjs";
import { Dialog, Failed } from "./parts.mjs";
import { moment, words } from "./format.mjs";

const STATES = [
  ["enabled", "Enabled", "Decides, and changes replicas."],
  ["dry-run", "Dry run", "Decides and records what it would do, and changes nothing."],
  ["disabled", "Disabled", "Decides nothing. Replicas stay as they are."],
];

const PAUSES = [["15 min", 15], ["1 hour", 60], ["4 hours", 240], ["1 day", 1440]];

const path = (service, what) => (service ? `/v1/services/${encodeURIComponent(service)}/${what}` : `/v1/${what}`);

/** A button that says what goes on, and cannot be pressed twice. */
function useAction(onDone) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const act = async (run) => {
    setBusy(true);
    setError("");
    try {
      onDone(await run());
    } catch (failure) {
      setError(told(failure));
      setBusy(false);
    }
  };
  return { busy, error, act };
}

/** Chooses a state, says what it will do, and asks. `row` is a service's row; without one it is about all services. */
export function StateDialog({ row, current, onClose, onTold }) {
  const [state, setState] = useState(current);
  const name = row?.name;
  const { busy, error, act } = useAction(() => { onTold(`${name ?? "All services"}: ${words(state)}`); onClose(); });
  const apply = () => act(() => call(path(name, "state"), { method: "PUT", body: { state } }));
  const [, label] = STATES.find(([key]) => key === state);
  return html`<${Dialog} title=${name ? `Scaling of ${name}` : "Scaling of all services"} onClose=${onClose}>
    <form onSubmit=${(event) => { event.preventDefault(); if (state !== current) apply(); }}>
      <fieldset class="options"><legend class="hidden">State</legend>
        ${STATES.map(([key, label, meaning]) => html`<label class="option">
          <input type="radio" name="state" value=${key} checked=${key === state} autofocus=${key === current} onChange=${() => setState(key)} />
          <span><b>${label}</b>${key === current ? html`<em> now</em>` : null}<small>${meaning}</small></span>
        </label>`)}
      </fieldset>
      <p class="note">${name ? "The more restrictive of this and the state for all services holds." : "The more restrictive of this and each service's own state holds."} It survives a restart.</p>
      <${Failed} error=${error} />
      <footer>
        <button type="button" class="quiet" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${busy || state === current}>${state === current ? "No change" : busy ? "Switching …" : `Switch to ${label.toLowerCase()}`}</button>
      </footer>
    </form>
  <//>`;
}

/** Pauses a service in one direction or both, or ends its pauses. */
export function PauseDialog({ row, nowMs, onClose, onTold }) {
  const [direction, setDirection] = useState("both");
  const [minutes, setMinutes] = useState(60);
  const { busy, error, act } = useAction((what) => { onTold(`${row.name}: ${what}`); onClose(); });
  const ends = [["growing", row.paused_up_until], ["shrinking", row.paused_down_until]].filter(([, end]) => end && end > nowMs);
  const pause = () => act(async () => {
    const until = new Date(nowMs + minutes * 60_000).toISOString();
    await call(path(row.name, "pause"), { method: "PUT", body: { direction, until } });
    return "paused";
  });
  const end = () => act(async () => {
    await call(path(row.name, "pause"), { method: "DELETE" });
    return "the pause is over";
  });
  return html`<${Dialog} title=${`Pause ${row.name}`} onClose=${onClose}>
    <form onSubmit=${(event) => { event.preventDefault(); pause(); }}>
      ${ends.length === 0 ? null : html`<div class="standing">
        ${ends.map(([what, end]) => html`<p>No ${what} until ${moment(end)}.</p>`)}
        <button type="button" disabled=${busy} onClick=${end}>End the pause</button>
      </div>`}
      <fieldset class="options row"><legend>Hold back</legend>
        ${[["both", "any change"], ["up", "growing"], ["down", "shrinking"]].map(([key, label]) => html`<label class="option">
          <input type="radio" name="direction" checked=${key === direction} autofocus=${key === "both"} onChange=${() => setDirection(key)} /><span>${label}</span></label>`)}
      </fieldset>
      <fieldset class="options row"><legend>For</legend>
        ${PAUSES.map(([label, value]) => html`<label class="option">
          <input type="radio" name="minutes" checked=${value === minutes} onChange=${() => setMinutes(value)} /><span>${label}</span></label>`)}
      </fieldset>
      <${Failed} error=${error} />
      <footer>
        <button type="button" class="quiet" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${busy}>Pause until ${moment(nowMs + minutes * 60_000).slice(-8, -3)}</button>
      </footer>
    </form>
  <//>`;
}

/** Asks for the token, once; it is kept until the tab is closed. */
export function TokenDialog({ wrong, onGiven }) {
  const [token, setToken] = useState("");
  return html`<${Dialog} title="A token is needed" onClose=${() => onGiven(null)}>
    <form onSubmit=${(event) => { event.preventDefault(); if (token) onGiven(token.trim()); }}>
      <p>This sidecar answers only to who holds its token: that of <code>http.token_file</code>, or for reading that of <code>http.read_token_file</code>.</p>
      <label class="field">Token<input type="password" autofocus autocomplete="off" spellcheck="false" value=${token} onInput=${(event) => setToken(event.target.value)} /></label>
      <p class="note">It is kept in this tab, until the tab is closed.</p>
      <${Failed} error=${wrong} />
      <footer>
        <button type="button" class="quiet" onClick=${() => onGiven(null)}>Cancel</button>
        <button type="submit" class="primary" disabled=${!token}>Use it</button>
      </footer>
    </form>
  <//>`;
}
