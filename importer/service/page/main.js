// The page: a file, what is in it, what will come of it, the import, its end. The address says which import is shown.

import "./access.js";
import { watchServer } from "./access.js";
import { asked, headers } from "./api.js";
import { showChart } from "./chart.js";
import { showEarlier } from "./earlier.js";
import { byId, el, focusOn, notice, say } from "./elements.js";
import { Look } from "./look.js";
import { showMap } from "./map.js";
import { unfinished, verified } from "./outcome.js";
import { rejectsOf } from "./rejects.js";
import { targetStep } from "./target.js";
import { fileStep } from "./upload.js";
import { watching } from "./watch.js";
import { workbench } from "./workbench.js";
import { advice, bytes, capitalized, inWords, plural, shown } from "./wording.js";

const REJECTS_EVERY_MS = 3_000;

let look = null;
let watch = null;

const steps = (...children) => byId("steps").replaceChildren(...children.filter(Boolean));

// What nobody imports need not wait a day for its end; the request outlives a page that is just being left.
function giveBack() {
  if (!look?.isUnused) return;
  look.isTaken = true;
  fetch(`uploads/${look.chosen.upload}`, { method: "DELETE", headers: headers(), keepalive: true }).catch(() => null);
}

function leave() {
  giveBack();
  look?.close();
  watch?.stop();
  look = watch = null;
}

function isFront(is) {
  byId("lead").hidden = !is;
  byId("earlier").hidden = !is || !byId("earlier-list").firstChild;
}

function start() {
  leave();
  document.title = "importer: CSV into InfluxDB";
  byId("title").textContent = "A CSV into InfluxDB";
  isFront(true);
  steps(el("section", { class: "step", "aria-label": "File" }, fileStep(chosen)));
  showEarlier();
}

// A file is there: columns, preview, target.
function chosen(file) {
  leave();
  isFront(false);
  const size = file.bytes === undefined ? "on the service’s machine, or sent before" : bytes(file.bytes);
  byId("title").textContent = shown(file.name);
  const other = el("button", { class: "quiet", on: { click: anotherFile } }, "Another file");
  look = new Look(file, () => bench.update());
  const target = targetStep(look, (job) => { location.hash = `import=${job.id}`; });
  const bench = workbench(look, target);
  steps(el("p", { class: "chosen" }, el("span", { text: size }), other), bench.place);
  focusOn(bench.title);
  look.inspect();
}

function anotherFile() {
  history.replaceState(null, "", " ");
  start();
  byId("file").focus();
}

async function showImport(id) {
  leave();
  isFront(false);
  steps(el("p", { class: "note", text: "Asking for the import …" }));
  try {
    show(await asked(`imports/${encodeURIComponent(id)}`));
  } catch (problem) {
    const words = problem.status === 404 || problem.status === 400 ? "There is no such import; those that ended are kept for 30 days."
      : `${capitalized(problem.message)} ${advice(problem)}`;
    steps(notice("bad", el("p", { text: words })), again());
  }
}

const again = () => el("p", {}, el("a", { class: "button", href: "#", text: "Import another file" }));

function show(job) {
  byId("title").textContent = shown(job.source);
  if (job.state === "queued" || job.state === "running") showRunning(job);
  else showEnded(job);
}

function showRunning(job) {
  document.title = `importer: ${job.source} …`;
  const rejects = el("div");
  let askedAt = 0;
  watch = watching(job, {
    ended: (now) => {
      const hadFocus = watch?.place.contains(document.activeElement) || document.activeElement === document.body;
      showEnded(now, hadFocus);
    },
    rejected: async (number) => {
      if (performance.now() - askedAt < REJECTS_EVERY_MS) return;
      askedAt = performance.now();
      const found = await rejectsOf(job.id, number).catch(() => null);
      if (found) rejects.replaceChildren(found);
    },
  });
  steps(watch.place, rejects);
  focusOn(watch.title);
}

async function showEnded(job, isFocused = true) {
  watch?.stop();
  watch = null;
  document.title = `importer: ${job.source} ${job.state}`;
  const isVerified = job.state === "verified";
  watchServer(); // which may have gone, or be back
  const { place, title } = isVerified ? verified(job) : unfinished(job, {
    retry: (file) => { history.replaceState(null, "", " "); chosen(file); },
    resumed: (now) => show(now),
  });
  const rejects = el("div");
  const pictures = isVerified ? el("div", { class: "pictures" }) : null;
  steps(place, pictures, rejects, again());
  if (isFocused) focusOn(title);
  say(isVerified ? `Verified: ${plural(job.report.points_written, "point")} in ${job.bucket}`
    : `${capitalized(job.state)}. ${job.error ? inWords(job.error.message) : ""}`);
  if (isVerified) {
    showChart(job.id, pictures);
    showMap(job, pictures);
  }
  const total = job.report ? job.report.rejected + job.report.points_rejected : job.progress?.rejects ?? 0;
  if (total || job.state === "failed") {
    const found = await rejectsOf(job.id, total || null).catch(() => null);
    if (found) rejects.replaceChildren(found);
  }
}

// An address may have been cut off anywhere: what cannot be read is no import's id, and is said to be none.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function route() {
  if (location.hash === "#main") return;
  const id = /^#import=(.+)$/.exec(location.hash)?.[1];
  if (id) showImport(decoded(id));
  else start();
}

// Of all zones that the browser knows; offered, not asked for.
function zones() {
  const names = Intl.supportedValuesOf?.("timeZone") ?? [];
  document.body.append(el("datalist", { id: "zones" }, ["UTC", ...names].map((value) => el("option", { value }))));
}

addEventListener("hashchange", route);
addEventListener("pagehide", giveBack);
// Come back to by the browser's own button, as it was left: its upload has gone.
addEventListener("pageshow", (event) => { if (event.persisted && look?.isTaken) route(); });
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  if (location.hash) location.hash = "";
  else start();
});
zones();
watchServer();
route();
