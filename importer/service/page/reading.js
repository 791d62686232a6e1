// How the text of the file is read: what was found, and what may be said otherwise.

import { el, labelled, select } from "./elements.js";
import { inWords } from "./wording.js";

const DELIMITERS = [[",", "comma"], [";", "semicolon"], ["\t", "tab"], ["|", "bar"], [" ", "blank"]];
const OTHER = "other";
const MARKS = [[".", "point"], [",", "comma"]];
const ENCODINGS = ["utf-8", "utf-16", "cp1252", "latin-1", "cp850", "cp1250", "cp1251", "shift_jis", "gb18030"];

export function encodings() {
  return el("datalist", { id: "encodings" }, ENCODINGS.map((value) => el("option", { value })));
}

const NAMED = /“(Encoding|Delimiter|Decimal mark|Empty cells|Names of the columns)”/;

// Whether the controls below may help: one of them was used, or what went wrong names one.
export function isAboutReading(look) {
  const texts = [look.problem?.message ?? "", ...(look.found?.inspection?.warnings ?? [])];
  return Object.keys(look.csv).length > 0 || texts.some((text) => NAMED.test(inWords(text)));
}

function delimiterOf(look, delimiter) {
  const choices = [...(delimiter === null ? [["", "–"]] : []), ...DELIMITERS];
  if (delimiter !== null && !DELIMITERS.some(([sign]) => sign === delimiter)) choices.push([delimiter, delimiter]);
  const change = (sign) => look.readAs({ delimiter: sign || null });
  const other = labelled("Another delimiter", el("input", { id: "other-delimiter", maxlength: "1", size: "3", autocomplete: "off",
    on: { change: (event) => change(event.target.value) } }));
  other.hidden = true;
  return [labelled("Delimiter", select([...choices, [OTHER, "another …"]], delimiter ?? "", { id: "delimiter", on: { change: (event) => {
    other.hidden = event.target.value !== OTHER;
    if (other.hidden) change(event.target.value);
    else other.querySelector("input").focus();
  } } })), other];
}

// Also of a file that could not be read, of which nothing is known but what was said here.
export function readingSettings(look) {
  const found = look.found?.inspection;
  const dialect = found?.dialect ?? {};
  const used = look.found?.mapping?.csv ?? {};
  const delimiter = look.csv.delimiter ?? dialect.delimiter ?? null;
  const nulls = look.csv.null ?? used.null ?? [];
  const named = DELIMITERS.find(([sign]) => sign === delimiter)?.[1] ?? delimiter;
  const words = found ? [`${named} between cells`, `decimal ${dialect.decimal === "," ? "comma" : "point"}`,
    dialect.encoding + (dialect.encoding_is_certain ? "" : " (guessed)"),
    nulls.length ? `empty: ${nulls.map((text) => `“${text}”`).join(", ")}` : "", dialect.compression ?? ""] : ["to be said here"];
  const input = (id, value, list, changed) => el("input", { id, value, list, autocomplete: "off", spellcheck: "false",
    on: { change: (event) => changed(event.target.value) } });
  return el("details", { class: "more", id: "reading", open: isAboutReading(look) },
    el("summary", {}, "How the text is read: ", el("span", { class: "note", text: words.filter(Boolean).join(", ") })),
    el("div", { class: "settings" },
      delimiterOf(look, delimiter),
      labelled("Decimal mark", select(MARKS, look.csv.decimal ?? dialect.decimal ?? ".", { id: "decimal", on: { change: (event) => look.readAs({ decimal: event.target.value }) } })),
      labelled("Encoding", input("encoding", look.csv.encoding ?? dialect.encoding ?? "", "encodings", (value) => look.readAs({ encoding: value.trim() || null })),
        found ? null : `Such as ${ENCODINGS.join(", ")}.`),
      labelled("Empty cells", input("null", nulls.join(", "), null, (value) =>
        look.readAs({ null: value.split(",").map((text) => text.trim()).filter(Boolean) })), "Texts that mean that there is no value, between commas."),
      labelled("Names of the columns", input("header", (look.csv.header ?? []).join(""), null, (value) =>
        look.readAs({ header: value.trim() ? [value] : null })), "For a file without a header: a line such as time,a,b.")));
}
