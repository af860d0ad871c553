// The page: its frame, what is shown at which address, and the dialogs over it.

import { html, render, useEffect, useState } from "./vendor/htm-preact-standalone.mjs";
import { setTokenDialog } from "./api.mjs";
import { BalancerView } from "./balancer.mjs";
import { JournalView } from "./journal.mjs";
import { Badge } from "./parts.mjs";
import { ServiceView } from "./service.mjs";
import { ServicesView } from "./services.mjs";
import { Services, useServices } from "./store.mjs";
import { PauseDialog, StateDialog, TokenDialog } from "./switch.mjs";
import { TelemetryView } from "./telemetry.mjs";
import { words } from "./format.mjs";

const VIEWS = [
  ["services", "Services"],
  ["balancer", "Balancer"],
  ["telemetry", "Telemetry"],
  ["journal", "Journal"],
];

/** The address after `#/`: a view, what of it, and parameters. */
function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { view: VIEWS.some(([key]) => key === view) ? view : "services", what: rest.join("/"), query: new URLSearchParams(query) };
}

function usePlace() {
  const [here, setHere] = useState(place);
  useEffect(() => {
    const moved = () => {
      document.documentElement.dataset.moved = "yes";
      setHere(place());
      scrollTo(0, 0);
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    const [, name] = VIEWS.find(([key]) => key === here.view);
    document.title = `${here.what || name} · Swarmtide`;
  }, [here]);
  return here;
}

const THEMES = { "": ["dark", "Colours: as the system"], dark: ["light", "Colours: dark"], light: ["", "Colours: light"] };

/** As the system says, dark, light, and around again. */
function Theme() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "");
  const [next, label] = THEMES[theme];
  const turn = () => {
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try { localStorage.setItem("swarmtide-theme", next); } catch { /* it holds for this page then */ }
    setTheme(next);
    dispatchEvent(new Event("themechange"));
  };
  return html`<button class="quiet icon" id="theme" title=${label} aria-label=${label} onClick=${turn}>
    <svg viewBox="0 0 16 16">${theme === "dark" ? html`<path d="M13 10A6 6 0 0 1 6 3a5.500 5.500 0 1 0 7 7z" />`
      : theme === "light" ? html`<circle cx="8" cy="8" r="3" /><path d="M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1" />`
      : html`<circle cx="8" cy="8" r="5.500" /><path class="solid" d="M8 2.500a5.500 5.500 0 0 1 0 11z" />`}</svg>
  </button>`;
}

const LEADERSHIP = {
  leader: ["good", "leads", "This node leads the swarm: the sidecar acts."],
  follower: ["off", "follows", "Another node leads the swarm: its sidecar acts."],
  unknown: ["warn", "leader unknown", "It is not known which node leads: nothing is changed."],
  "not-manager": ["bad", "no manager", "This node is no manager: nothing can be changed from here."],
};

function Head({ here, onState }) {
  const { head, connected } = useServices();
  const [kind, word, meaning] = LEADERSHIP[head?.leadership] ?? LEADERSHIP.unknown;
  return html`<header class="top">
    <a class="brand" href="#/services" aria-label="Swarmtide, services"><img src="/page/icon.svg" alt="" width="24" height="24" /><span>Swarmtide</span></a>
    <nav aria-label="Views">${VIEWS.map(([key, name]) => html`<a href=${`#/${key}`} aria-current=${here.view === key ? "page" : null}>${name}</a>`)}</nav>
    <div class="status">
      ${head === null ? null : html`<${Badge} kind=${kind} title=${meaning}>${word}<//>
        <button id="global-state" class="pill ${head.state}" onClick=${onState} title="Scaling of all services">Scaling ${words(head.state)}</button>`}
      <span class="pulse ${connected ? "on" : "off"}" role="status" aria-label=${connected ? "Connected" : "Not connected"} title=${connected ? "Connected" : "Not connected"}></span>
      <${Theme} />
    </div>
  </header>`;
}

/** What stands above every view when something is not as it should be. */
function Notice() {
  const { head, connected, error } = useServices();
  if (!connected && error) {
    return html`<p class="notice bad" role="alert">${error} ${head ? "What is shown is from before." : ""} Trying again …</p>`;
  }
  if (head?.not_ready.length > 0) {
    return html`<p class="notice warn" role="alert">Not ready: ${head.not_ready.join("; ")}.</p>`;
  }
  return null;
}

/** Each view is one element: the parts of a view without one can get out of order when they come at different times. */
function View({ here, dialogs }) {
  switch (here.view) {
    case "balancer": return html`<${BalancerView} what=${here.what} />`;
    case "telemetry": return html`<${TelemetryView} />`;
    case "journal": return html`<${JournalView} query=${here.query} />`;
    default: return here.what
      ? html`<${ServiceView} key=${here.what} name=${here.what} dialogs=${dialogs} />`
      : html`<${ServicesView} dialogs=${dialogs} />`;
  }
}

function Dialogs({ open, close, tell }) {
  const { rows, head } = useServices();
  if (!open) return null;
  const row = rows.get(open.service);
  const shared = { onClose: close, onTold: tell };
  if (open.kind === "pause") return row ? html`<${PauseDialog} row=${row} nowMs=${head.unix_ms} ...${shared} />` : null;
  if (open.service) return row ? html`<${StateDialog} row=${row} current=${row.own_state} ...${shared} />` : null;
  return html`<${StateDialog} current=${head.state} ...${shared} />`;
}

function App() {
  const here = usePlace();
  const [open, setOpen] = useState(null);
  const [token, setToken] = useState(null);
  const [toast, setToast] = useState("");
  useEffect(() => setTokenDialog((wrong) => new Promise((resolve) => setToken({ wrong, resolve }))), []);
  useEffect(() => {
    if (!toast) return undefined;
    const timer = setTimeout(() => setToast(""), 4000);
    return () => clearTimeout(timer);
  }, [toast]);
  const dialogs = {
    state: (service) => setOpen({ kind: "state", service }),
    pause: (service) => setOpen({ kind: "pause", service }),
  };
  const given = (value) => { token.resolve(value); setToken(null); };
  return html`<${Services}>
    <${Head} here=${here} onState=${() => dialogs.state()} />
    <main id="main" tabindex="-1"><${Notice} /><${View} here=${here} dialogs=${dialogs} /></main>
    <${Dialogs} open=${open} close=${() => setOpen(null)} tell=${setToast} />
    ${token ? html`<${TokenDialog} wrong=${token.wrong} onGiven=${given} />` : null}
    <p class="toast ${toast ? "shown" : ""}" role="status">${toast}</p>
  <//>`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
