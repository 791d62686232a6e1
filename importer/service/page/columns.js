// The columns as a table: what each becomes, its type and name, what is in it; above it the time and the measurement.

import { el, labelled, select } from "./elements.js";
import { TYPES, refusalOf } from "./plan.js";
import { count, inWords, moment, shown } from "./wording.js";

const ROLES = [["time", "time"], ["tag", "tag"], ["field", "field"], ["left out", "left out"]];
const AMBIGUOUS = [["reject", "reject the row"], ["earliest", "take the earlier"], ["latest", "take the later"]];
const FORMATS = ["rfc3339", "unix_s", "unix_ms", "unix_us", "unix_ns", "%Y-%m-%d %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M"];
const ORDERED = ["integer", "unsigned", "float", "time"];

function control(id, made) {
  made.id = id;
  return made;
}

function valuesOf(profile) {
  if (ORDERED.includes(profile.type) && profile.minimum !== null) {
    const show = profile.type === "time" ? moment : (text) => shown(text, 30);
    return `${show(profile.minimum)} … ${show(profile.maximum ?? "")}`;
  }
  const examples = profile.examples.slice(0, 3).map((text) => shown(text, 28));
  return examples.join(" · ") + (profile.distinct > examples.length && examples.length ? " …" : "");
}

function typeCell(look, row) {
  if (row.role === "time") return el("span", { class: "note", text: look.plan.time.format });
  if (row.role === "tag") return el("span", { class: "note", text: "text" });
  if (row.role === "left out") return el("span", { class: "note", text: row.profile.type });
  const refusal = refusalOf(row);
  const place = refusal ? (refusal.line ? `line ${refusal.line}: ` : "") + `“${shown(refusal.example, 30)}”` : "";
  return [
    control(`type-${row.profile.position}`, select(TYPES.map((type) => [type, type]), row.type, {
      "aria-label": `Type of ${row.name}`,
      on: { change: (event) => look.change(row.name, { type: event.target.value }) } })),
    refusal ? el("span", { class: "wrong", text: `${place} ${refusal.why}` }) : null,
  ];
}

function nameCell(look, row) {
  if (row.role !== "tag" && row.role !== "field") return el("span", { class: "note", text: "–" });
  return control(`key-${row.profile.position}`, el("input", {
    value: row.key, autocomplete: "off", spellcheck: "false", "aria-label": `Name of the ${row.role} ${row.name}`,
    on: { change: (event) => look.change(row.name, { key: event.target.value.trim() }) } }));
}

function columnRow(look, row) {
  const { profile } = row;
  const role = control(`role-${profile.position}`, select(ROLES, row.role, {
    class: `role-${row.role.replace(" ", "-")}`, "aria-label": `What ${row.name} becomes`, disabled: !row.isUsable,
    on: { change: (event) => look.change(row.name, { role: event.target.value }) } }));
  const cell = (label, ...content) => el("td", { role: "cell", "data-label": label }, el("div", {}, ...content));
  const why = row.role === row.inferred.role ? inWords(profile.why) : "";
  return el("tr", { role: "row", class: row.role.replace(" ", "-") },
    el("th", { scope: "row", role: "rowheader" }, el("span", { class: "column", text: shown(row.name, 60) || "(no name)" }),
      why ? el("span", { class: "note", text: why }) : null),
    cell("becomes", role), cell("type", typeCell(look, row)), cell("name", nameCell(look, row)),
    el("td", { role: "cell", "data-label": "empty", class: "number", text: count(profile.nulls) }),
    el("td", { role: "cell", "data-label": "different", class: "number", text: (profile.distinct_is_exact ? "" : "~") + count(profile.distinct) }),
    el("td", { role: "cell", "data-label": "values", class: "values", text: valuesOf(profile) }));
}

export function columnsTable(look) {
  const heads = [["Column"], ["Becomes"], ["Type"], ["Name"], ["Empty", "number"], ["Different", "number"], ["Values"]];
  return el("table", { class: "columns", role: "table", "aria-label": "Columns" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads.map(([text, kind]) =>
      el("th", { scope: "col", role: "columnheader", class: kind, text })))),
    el("tbody", { role: "rowgroup" }, look.plan.rows.map((row) => columnRow(look, row))));
}

// Columns of a file that still has questions: nothing can be chosen yet.
export function foundColumns(inspection) {
  const cell = (label, text, kind = null) => el("td", { role: "cell", "data-label": label, class: kind, text });
  return el("table", { class: "columns plain", role: "table", "aria-label": "Columns" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ["Column", "Type", "Empty", "Different", "Values"].map((text) =>
      el("th", { scope: "col", role: "columnheader", text })))),
    el("tbody", { role: "rowgroup" }, inspection.columns.map((profile) => el("tr", { role: "row" },
      el("th", { scope: "row", role: "rowheader", text: shown(profile.name, 60) || "(no name)" }),
      cell("type", profile.type), cell("empty", count(profile.nulls)), cell("different", count(profile.distinct)),
      cell("values", valuesOf(profile), "values")))));
}

export function formats() {
  return el("datalist", { id: "formats" }, FORMATS.map((value) => el("option", { value })));
}

// What all points share: the time's format and zone, and the measurement.
export function pointSettings(look) {
  const { time, measurement } = look.plan;
  const text = (id, value, list, changed) => control(id, el("input", { value, list, autocomplete: "off", spellcheck: "false",
    on: { change: (event) => changed(event.target.value.trim()) } }));
  const hasOffset = /^(unix_|rfc3339$)|%:?:?z|%#z|%s/.test(time.format);
  const isLocal = !hasOffset && time.timezone !== "UTC";
  const named = measurement.value === undefined
    ? el("p", { class: "note", text: `from ${measurement.column ?? measurement.template}` })
    : labelled("Measurement", text("measurement", String(measurement.value), null, (value) => look.setMeasurement(value)));
  return el("div", { class: "settings" }, named,
    labelled("Time format", text("time-format", time.format, "formats", (format) => look.setTime({ format }))),
    hasOffset ? null : labelled("Time zone", text("time-zone", time.timezone, "zones", (timezone) => look.setTime({ timezone }))),
    isLocal ? labelled("A local time that occurs twice, or never", control("ambiguous", select(AMBIGUOUS, time.ambiguous, {
      on: { change: (event) => look.setTime({ ambiguous: event.target.value }) } }))) : null);
}
