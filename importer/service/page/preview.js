// What an import would come to: the accounts of a trial, what would collide, and the first points as they will be stored.

import { el, notice, wideTable } from "./elements.js";
import { capitalized, count, inUtc, inWords, moment, plural, shown } from "./wording.js";

const FEW = 5;

function fact(label, value, note = null) {
  return el("div", { class: "fact" }, el("dt", { text: label }), el("dd", {}, value, note ? el("span", { class: "note", text: note }) : null));
}

export function factsOf(tried) {
  const stored = tried.points - tried.collisions.total;
  const span = tried.first ? `${moment(tried.first).slice(0, 19)} … ${moment(tried.last ?? "").slice(0, 19)}` : "–";
  return el("dl", { class: "facts" },
    fact("Rows", count(tried.rows), tried.is_whole ? "all were tried" : "a sample"),
    fact("Points", count(stored), tried.collisions.total ? `${plural(tried.collisions.total, "row")} with a key that is there already` : null),
    fact("Series", count(tried.series)),
    fact("Rows that cannot be loaded", count(tried.rejects)),
    el("div", { class: "fact wide-fact" }, el("dt", { text: "From … to (UTC)" }), el("dd", { text: span })));
}

function collided(look, collisions) {
  const { overwritten, tag_hint: hint, examples } = collisions;
  const row = hint ? look.plan?.rows.find((each) => each.name === hint) : null;
  // The trial knows of mapped columns only: one that is left out now may have kept them apart.
  const changed = hint ? [] : (look.plan?.rows ?? []).filter((each) => each.inferred.role === "tag" && each.role !== "tag");
  return notice("warn", el("h3", { text: overwritten === 1 ? "1 row would overwrite an earlier one" : `${count(overwritten)} rows would overwrite earlier ones` }),
    el("p", { text: "They have the same tags and the same time as an earlier row, and other values. InfluxDB keeps one point for each: the last." }),
    hint ? el("p", { class: "remedy" }, "As a tag, ", el("code", { text: shown(hint) }), " would keep them apart. ",
      row ? el("button", { on: { click: () => look.change(hint, { role: "tag" }) } }, `Make ${shown(hint, 40)} a tag`) : null) : null,
    changed.length ? el("p", { class: "remedy" }, "These were tags, and may keep them apart: ", changed.map((each) =>
      el("button", { on: { click: () => look.change(each.name, { role: "tag" }) } }, `Make ${shown(each.name, 40)} a tag`))) : null,
    examples.length ? el("details", {}, el("summary", { text: "Examples" }),
      wideTable("Values that would be lost", ["Time (UTC)", "Field", "Lost", "Kept", "Series"], examples.map((each) =>
        [moment(each.time), shown(each.field), shown(each.lost), shown(each.kept), shown(each.series, 120)]))) : null);
}

export function collisionsOf(look, tried) {
  const { collisions } = tried;
  const parts = [];
  if (collisions.overwritten) parts.push(collided(look, collisions));
  if (tried.rejects) {
    parts.push(notice("warn", el("h3", { text: `${plural(tried.rejects, "row")} cannot be loaded as ${tried.rejects === 1 ? "it is" : "they are"}` }),
      el("ul", {}, tried.reject_examples.map((text) => el("li", { text: shown(inWords(text), 300) }))),
      el("p", { class: "note", text: "Another type or role may take them; or allow some below, and they are left out, listed with their reasons." })));
  }
  const calm = [];
  if (collisions.identical) calm.push(`${plural(collisions.identical, "row repeats", "rows repeat")} an earlier one exactly: stored once.`);
  if (collisions.merged) calm.push(`${plural(collisions.merged, "row adds", "rows add")} fields to a point that is there: joined.`);
  if (!collisions.overwritten) calm.push("No value would overwrite another.");
  parts.push(el("p", { class: "calm", text: calm.join(" ") }));
  return parts;
}

export function warningsOf(look) {
  // What the trial counts is told by it, and changes with the roles.
  const isTold = look.tried?.tried ? /would be rejected|have the tags and the time/ : /^$/;
  const others = (look.found?.inspection?.warnings ?? []).filter((text) => !isTold.test(text));
  return others.length ? el("ul", { class: "notes" }, others.map((text) => el("li", { text: capitalized(inWords(text)) }))) : null;
}

function valueShown(value) {
  if (value === undefined) return el("span", { class: "none", text: "–" });
  return typeof value === "string" ? el("span", { class: "text", text: `“${shown(value, 60)}”` }) : String(value);
}

export function pointsTable(points, isOpen, onOpen) {
  if (!points.length) return el("p", { class: "note", text: "No row gives a point." });
  const keys = (part) => [...new Set(points.flatMap((point) => Object.keys(point[part])))];
  const tags = keys("tags");
  const fields = keys("fields");
  const isNumber = (key) => points.some((point) => point.fields[key] !== undefined && typeof point.fields[key] !== "string");
  const head = (kind, key) => el("th", { scope: "col", class: kind === "field" && isNumber(key) ? "field number" : kind }, el("span", { class: "kind", text: kind }), shown(key, 40));
  const heads = [head("time", "UTC"), head("measurement", ""), ...tags.map((key) => head("tag", key)), ...fields.map((key) => head("field", key))];
  const rows = (isOpen ? points : points.slice(0, FEW)).map((point) => [
    el("td", { class: "when", text: moment(point.time) }), shown(point.measurement, 40),
    ...tags.map((key) => point.tags[key] === undefined ? valueShown(undefined) : shown(point.tags[key], 40)),
    ...fields.map((key) => el("td", { class: typeof point.fields[key] === "string" ? null : "number" }, valueShown(point.fields[key])))]);
  return [wideTable("The first points as they will be stored", heads, rows),
    !isOpen && points.length > FEW ? el("button", { class: "quiet", on: { click: onOpen } }, `Show ${points.length} points`) : null];
}

export const spanOf = (range) => `${moment(range.start)} … ${inUtc(range.stop)}`;
