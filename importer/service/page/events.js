// Server-sent events over fetch, which can send the token; taken up again where the connection broke off.

import { Problem, fetched } from "./api.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

const sleep = (ms, signal) => new Promise((wake) => {
  const timer = setTimeout(wake, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); wake(); }, { once: true });
});

// The events in a stream of text: {id, kind, data}.
export async function* eventsIn(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { id: null, kind: "message", data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r(?=[^\n])/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data.length) yield { ...event, data: event.data.join("\n") };
        event = { id: event.id, kind: "message", data: [] };
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue; // a sign of life
      const name = colon < 0 ? line : line.slice(0, colon);
      const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "id") event.id = text;
      else if (name === "event") event.kind = text;
      else if (name === "data") event.data.push(text);
    }
  }
}

// Until the import ends. heard: told of each event (kind, data); lost: whether the connection is.
export async function watched(job, heard, lost, signal) {
  let known = null;
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      const answer = await fetched(`imports/${encodeURIComponent(job)}/events`,
        { signal, headers: { Accept: "text/event-stream", ...(known ? { "Last-Event-ID": known } : {}) } });
      if (answer.status === 204) return;
      lost(false);
      for await (const event of eventsIn(answer.body)) {
        known = event.id ?? known;
        wait = FIRST_WAIT_MS;
        heard(event.kind, JSON.parse(event.data));
        if (event.kind === "end") return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500) throw error;
    }
    lost(true);
    await sleep(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}
