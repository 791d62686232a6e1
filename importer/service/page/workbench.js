// Columns, preview and target of one file, kept up to date with what is known of it.

import { columnsTable, formats, foundColumns, pointSettings } from "./columns.js";
import { byId, el, notice, say } from "./elements.js";
import { collisionsOf, factsOf, pointsTable, warningsOf } from "./preview.js";
import { questionsOf } from "./questions.js";
import { encodings, isAboutReading, readingSettings } from "./reading.js";
import { advice, capitalized, inWords, plural } from "./wording.js";

const stepTitle = (number, text) => el("h2", { tabindex: "-1" }, el("span", { class: "count", "aria-hidden": "true", text: number }), text);

// Puts other content in place; the control that was used keeps the focus.
function replaced(place, ...children) {
  const { activeElement } = document;
  const hadFocus = place.contains(activeElement);
  const isOpen = new Set([...place.querySelectorAll("details[open][id]")].map((each) => each.id));
  place.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const each of isOpen) byId(each)?.setAttribute("open", "");
  if (!hadFocus) return;
  const same = activeElement.id && byId(activeElement.id);
  (same || place.closest("section").querySelector("h2")).focus({ preventScroll: true });
}

function problemShown(problem) {
  const reasons = problem.errors.map((each) => `${each.where}: ${each.reason}`).join("; ");
  return notice("bad", el("p", { text: `${capitalized(inWords(problem.message))}${reasons ? ` (${reasons})` : ""}. ${advice(problem)}`.trim() }));
}

export function workbench(look, target) {
  const title = stepTitle("1", "Columns");
  const columns = el("div", { id: "columns" });
  const points = el("div", { id: "points" });
  const state = el("p", { class: "checking", role: "status" });
  let isOpen = false;
  let shownFound;
  let shownTried = null;
  let rolesShown = null;

  const parts = [
    el("section", { class: "step", "aria-label": "Columns" }, title, columns),
    el("section", { class: "step", "aria-label": "Preview" }, el("div", { class: "titled" }, stepTitle("2", "Preview"), state), points),
    el("section", { class: "step", "aria-label": "Import" }, stepTitle("3", "Import"), target.form),
  ];
  const place = el("div", {}, parts, formats(), encodings());

  function showColumns() {
    const { found } = look;
    if (!found) {
      replaced(columns, look.problem ? [problemShown(look.problem), isAboutReading(look) ? readingSettings(look) : null]
        : el("p", { class: "note busy", text: "Looking at all rows …" }));
      return;
    }
    if (found.annotated) {
      replaced(columns, notice("calm", el("p", { text: "This is annotated CSV: it says itself what its columns are." })));
      return;
    }
    const { inspection } = found;
    replaced(columns,
      el("p", { class: "note" }, `${plural(inspection.rows, "row")}, ${plural(inspection.columns.length, "column")}. `,
        inspection.is_whole ? "All were read." : ["This is a sample. ", el("button", { class: "quiet", on: { click: () => look.inspectAll() } }, "Look at all rows")]),
      look.problem && !look.plan ? problemShown(look.problem) : null,
      questionsOf(look), warningsOf(look),
      look.plan ? [pointSettings(look), columnsTable(look)] : foundColumns(inspection),
      readingSettings(look));
  }

  function showPoints() {
    const { tried } = look;
    if (look.problem && look.found) replaced(points, problemShown(look.problem));
    else if (look.fault) replaced(points, notice("ask", el("p", { text: look.fault })));
    else if (!look.found) replaced(points, el("p", { class: "note", text: look.problem ? "There is nothing to show." : "…" }));
    else if (!look.plan && !look.found.annotated) replaced(points, el("p", { class: "note", text: "As soon as the questions above are answered." }));
    else if (tried) {
      replaced(points, tried.tried ? [factsOf(tried.tried), collisionsOf(look, tried.tried)] : null,
        el("h3", { text: "The first points, as they will be stored" }),
        pointsTable(tried.preview, isOpen, () => { isOpen = true; showPoints(); }));
    }
    points.classList.toggle("stale", look.isBusy);
    points.setAttribute("aria-busy", String(look.isBusy));
  }

  function told() {
    const tried = look.tried?.tried;
    if (look.isBusy || look.tried === shownTried) return;
    shownTried = look.tried;
    if (tried) say(`${plural(tried.points - tried.collisions.total, "point")} in ${plural(tried.series, "series", "series")}; ${tried.rejects} rejected; ${tried.collisions.overwritten} would overwrite others`);
    else if (look.found?.inspection?.questions.length) say("There is a question to be answered.");
  }

  function update() {
    state.textContent = look.isBusy ? (look.isLooking ? "Looking …" : "Trying it …") : "";
    const { plan, problem } = look;
    const roles = JSON.stringify([plan?.time, plan?.measurement, plan?.rows.map((row) => [row.role, row.type, row.key]), !plan && problem?.message]);
    if (look.found !== shownFound || roles !== rolesShown) showColumns();
    shownFound = look.found;
    rolesShown = roles;
    showPoints();
    target.update();
    told();
  }

  return { place, title, update };
}
