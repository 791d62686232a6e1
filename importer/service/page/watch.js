// An import while it runs: how far it is, what it says, and the button that ends it.

import { asked } from "./api.js";
import { el, say } from "./elements.js";
import { watched } from "./events.js";
import { bytes, capitalized, count, duration, inWords, plural } from "./wording.js";

const PHASES = [
  ["first pass", "Look at the times"], ["load", "Write"], ["duplicates", "Join repeated keys"],
  ["verify", "Verify"], ["swap", "Put in place"],
];
const RATE_OVER_MS = 4_000;
const SAY_EVERY_MS = 5_000;
const MOST_LOGS = 200;
const TRIED_IN_VAIN = /^try \d+ failed: (.+); next in /s;

// Rows per second over the last seconds.
class Rate {
  #seen = [];

  add(rows) {
    const now = performance.now();
    this.#seen.push([now, rows]);
    while (this.#seen.length > 2 && now - this.#seen[0][0] > RATE_OVER_MS) this.#seen.shift();
    const [[then, before]] = this.#seen;
    return now - then < 200 ? null : Math.max(0, (rows - before) / (now - then) * 1000);
  }
}

// ended: told of the job as it is then; rejected: that there are rejects by now.
export function watching(job, { ended, rejected }) {
  const stopping = new AbortController();
  const rate = new Rate();
  let saidAt = 0;
  let phase = null;
  let state = job.state;
  let acknowledged = 0;
  const begunAt = Date.parse(job.started ?? job.created);

  const bar = el("progress", { max: "1", "aria-label": "How far it is" });
  const steps = new Map(PHASES.map(([name, text]) => [name, el("li", { text })]));
  const numbers = new Map(["Rows read", "Points written", "Rejected", "Rows per second", "Read", "Time"].map((name) => [name, el("dd", { text: "–" })]));
  const trouble = el("p", { class: "wrong", role: "status" });
  const waiting = el("p", { class: "wrong", role: "status" });
  const log = el("ol", { class: "log" });
  const told = el("details", { class: "more", hidden: true }, el("summary", { text: "What it says" }), log);
  const cancel = el("button", { id: "cancel", text: "Cancel the import", on: { click: onCancel } });
  const title = el("h2", { tabindex: "-1", text: "" });
  const place = el("section", { class: "step watch", "aria-label": "Progress" },
    title, el("ol", { class: "phases" }, [...steps.values()]), bar,
    el("dl", { class: "facts" }, [...numbers].map(([name, value]) => el("div", { class: "fact" }, el("dt", { text: name }), value))),
    trouble, waiting, told, el("div", { class: "go" }, cancel, el("p", { class: "note", text:
      "You may close this page: the import goes on. The address of this page leads back to it." })));
  const ticking = setInterval(() => { numbers.get("Time").textContent = duration(Math.max(0, (Date.now() - begunAt) / 1000)); }, 1000);

  async function onCancel() {
    cancel.disabled = true;
    trouble.textContent = "";
    try {
      heard("state", await asked(`imports/${encodeURIComponent(job.id)}`, { method: "DELETE" }));
    } catch (problem) {
      trouble.textContent = `${capitalized(problem.message)}.`;
      cancel.disabled = false;
    }
  }

  function showState(now) {
    state = now.state;
    cancel.disabled = now.cancelling;
    const words = now.cancelling ? "Cancelling" : state === "queued" ? "Waiting for its turn" : "Importing";
    title.textContent = `${words}: ${now.source} into ${now.bucket}`;
    if (now.cancelling) cancel.textContent = "Removing what was staged …";
  }

  function showProgress(now) {
    const names = PHASES.map(([name]) => name);
    for (const [name, step] of steps) {
      const isNow = name === now.phase;
      step.className = isNow ? "now" : names.indexOf(name) < names.indexOf(now.phase) ? "done" : "";
      if (isNow) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
    if (now.share === null || now.share === undefined) bar.removeAttribute("value");
    else bar.value = now.share;
    const perSecond = now.phase === "load" ? rate.add(now.rows) : null;
    const values = {
      "Rows read": count(now.rows), "Points written": count(now.points), "Rejected": count(now.rejects),
      "Read": now.total_bytes ? `${bytes(now.bytes_read)} of ${bytes(now.total_bytes)}` : bytes(now.bytes_read),
    };
    if (perSecond !== null) values["Rows per second"] = count(Math.round(perSecond));
    for (const [name, text] of Object.entries(values)) numbers.get(name).textContent = text;
    if (now.rejects) rejected(now.rejects);
    if (phase !== now.phase || acknowledged !== now.points) waiting.textContent = "";
    acknowledged = now.points;
    if (phase !== now.phase || performance.now() - saidAt > SAY_EVERY_MS) {
      phase = now.phase;
      saidAt = performance.now();
      const share = now.share ? `, ${Math.round(now.share * 100)} %` : "";
      say(`${steps.get(now.phase)?.textContent ?? now.phase}${share}: ${plural(now.rows, "row")} read, ${plural(now.points, "point")} written, ${count(now.rejects)} rejected`);
    }
  }

  function showLog({ time, level, message }) {
    told.hidden = false;
    log.append(el("li", { class: level }, el("time", { text: time.slice(11, 19) }), ` ${inWords(message)}`));
    while (log.childElementCount > MOST_LOGS) log.firstElementChild.remove();
    const [, why] = TRIED_IN_VAIN.exec(message) ?? [];
    if (!why) return;
    if (!waiting.textContent) document.dispatchEvent(new Event("unready"));
    waiting.textContent = `InfluxDB is waited for: ${inWords(why)}. The import goes on by itself as soon as it answers.`;
  }

  function heard(kind, data) {
    if (kind === "progress") showProgress(data);
    else if (kind === "log") showLog(data);
    else if (kind === "state" && ["queued", "running"].includes(data.state)) showState(data);
    else if (kind === "end") {
      stop();
      ended(data);
    }
  }

  function stop() {
    clearInterval(ticking);
    stopping.abort();
  }

  async function run() {
    const lost = (isLost) => { trouble.textContent = isLost ? "The service does not answer at the moment; trying again …" : ""; };
    try {
      await watched(job.id, heard, lost, stopping.signal);
      if (!stopping.signal.aborted) heard("end", await asked(`imports/${encodeURIComponent(job.id)}`));
    } catch (problem) {
      if (!stopping.signal.aborted) trouble.textContent = `${capitalized(problem.message)}.`;
    }
  }

  showState(job);
  if (job.progress) showProgress(job.progress);
  run();
  return { place, title, stop };
}
