// Asks the API, and listens to its streams. The token is asked for when the API wants one, and kept for this tab only.

const KEY = "swarmtide-token";

let token = "";
try { token = sessionStorage.getItem(KEY) ?? ""; } catch { /* storage may be closed to us */ }

let askForToken = null;
let asking = null;

/** Says who shows the dialog: a function from what is wrong to a promise of a token, or of null. */
export function setTokenDialog(ask) { askForToken = ask; }

/** An error of the API, with its status and what it says. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** What a failure is called on the page. */
export function told(error) {
  if (error instanceof Problem) return error.message;
  return "The sidecar does not answer.";
}

/** One dialog for all calls that wait for a token at the same time. */
async function newToken(wrong) {
  if (!askForToken) return null;
  asking ??= askForToken(wrong).finally(() => { asking = null; });
  const given = await asking;
  if (given !== null) {
    token = given;
    try { sessionStorage.setItem(KEY, given); } catch { /* it holds for this page then */ }
  }
  return given;
}

async function request(path, options) {
  for (;;) {
    const used = token;
    const headers = { accept: "application/json", ...options.headers };
    if (used) headers.authorization = `Bearer ${used}`;
    const response = await fetch(path, { ...options, headers, cache: "no-store", redirect: "error" });
    if (response.status !== 401) return response;
    // Somebody else's dialog may have brought one in the meantime.
    if (token !== used) continue;
    if ((await newToken(used ? "The token was refused." : "")) === null) return response;
  }
}

async function problem(response) {
  let detail = `The sidecar answered ${response.status}.`;
  try { detail = (await response.json()).detail ?? detail; } catch { /* not JSON: the status says enough */ }
  return new Problem(response.status, detail);
}

/** Calls the API and gives its JSON. */
export async function call(path, { method = "GET", body, signal } = {}) {
  const options = { method, signal, headers: {} };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await request(path, options);
  if (!response.ok) throw await problem(response);
  return response.json();
}

/** The parts of a stream of server-sent events, as they become whole. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    // A comment is a sign of life.
    if (parts.length === 0) continue;
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      yield data.length ? JSON.parse(data.join("\n")) : null;
    }
  }
}

/** Longest time without a sign of life: the sidecar sends one every five seconds. */
const SILENCE_MS = 15_000;
const RETRY_MS = [500, 1000, 2000, 4000];

const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

/**
 * Listens until the returned function is called, over breaks of the connection.
 * `EventSource` cannot send a token, so the stream is read by hand.
 */
export function listen(path, onEvent, onState) {
  const ended = new AbortController();
  (async () => {
    for (let failures = 0; !ended.signal.aborted; failures += 1) {
      const attempt = new AbortController();
      const abort = () => attempt.abort();
      ended.signal.addEventListener("abort", abort, { once: true });
      let watchdog = setTimeout(abort, SILENCE_MS);
      try {
        const response = await request(path, { signal: attempt.signal, headers: { accept: "text/event-stream" } });
        if (!response.ok) throw await problem(response);
        for await (const event of events(response.body)) {
          clearTimeout(watchdog);
          watchdog = setTimeout(abort, SILENCE_MS);
          failures = 0;
          onState({ connected: true, error: "" });
          if (event) onEvent(event);
        }
        onState({ connected: false, error: "The sidecar ended the connection." });
      } catch (error) {
        if (!ended.signal.aborted) onState({ connected: false, error: told(error) });
      } finally {
        clearTimeout(watchdog);
        ended.signal.removeEventListener("abort", abort);
        attempt.abort();
      }
      await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)], ended.signal);
    }
  })();
  return () => ended.abort();
}
