// How the text of the file is read: what was found, and what may be said otherwise.

import { el, labelled, select } from "./elements.js";

const DELIMITERS = [[",", "comma"], [";", "semicolon"], ["\t", "tab"], ["|", "bar"], [" ", "blank"]];
const MARKS = [[".", "point"], [",", "comma"]];
const ENCODINGS = ["utf-8", "utf-16", "cp1252", "latin-1", "cp1250", "shift_jis", "gb18030"];

export function encodings() {
  return el("datalist", { id: "encodings" }, ENCODINGS.map((value) => el("option", { value })));
}

export function readingSettings(look) {
  const { dialect } = look.found.inspection;
  const used = look.found.mapping?.csv ?? {};
  const delimiter = look.csv.delimiter ?? dialect.delimiter;
  const known = DELIMITERS.some(([value]) => value === delimiter) ? DELIMITERS : [...DELIMITERS, [delimiter, delimiter]];
  const nulls = look.csv.null ?? used.null ?? [];
  const named = (name) => known.find(([value]) => value === name)?.[1] ?? name;
  const words = [`${named(delimiter)} between cells`, `decimal ${dialect.decimal === "," ? "comma" : "point"}`,
    dialect.encoding + (dialect.encoding_is_certain ? "" : " (guessed)"),
    nulls.length ? `empty: ${nulls.map((text) => `“${text}”`).join(", ")}` : "", dialect.compression ?? ""];
  const input = (id, value, list, changed) => el("input", { id, value, list, autocomplete: "off", spellcheck: "false",
    on: { change: (event) => changed(event.target.value) } });
  return el("details", { class: "more", id: "reading" },
    el("summary", {}, "How the text is read: ", el("span", { class: "note", text: words.filter(Boolean).join(", ") })),
    el("div", { class: "settings" },
      labelled("Delimiter", select(known, delimiter, { id: "delimiter", on: { change: (event) => look.readAs({ delimiter: event.target.value }) } })),
      labelled("Decimal mark", select(MARKS, look.csv.decimal ?? dialect.decimal, { id: "decimal", on: { change: (event) => look.readAs({ decimal: event.target.value }) } })),
      labelled("Encoding", input("encoding", look.csv.encoding ?? dialect.encoding, "encodings", (value) => look.readAs({ encoding: value.trim() || null }))),
      labelled("Empty cells", input("null", nulls.join(", "), null, (value) =>
        look.readAs({ null: value.split(",").map((text) => text.trim()).filter(Boolean) })), "Texts that mean that there is no value, between commas."),
      labelled("Names of the columns", input("header", (look.csv.header ?? []).join(""), null, (value) =>
        look.readAs({ header: value.trim() ? [value] : null })), "For a file without a header: a line such as time,a,b.")));
}
