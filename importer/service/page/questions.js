// What the data does not decide is asked here, each question with the answers that fit the data.

import { el, labelled, notice } from "./elements.js";
import { capitalized, inWords } from "./wording.js";

// The part of a request that answers a question.
const ANSWERS = {
  "hints.time": (look, value) => look.hint({ time: [value], time_format: undefined }),
  "hints.time_format": (look, value) => look.hint({ time_format: value }),
  "hints.timezone": (look, value) => look.hint({ timezone: value }),
  "csv.decimal": (look, value) => look.readAs({ decimal: value }),
  "csv.header": (look, value) => look.readAs({ header: [value] }),
};
const ANY = {
  "hints.time": "Column with the time", "hints.time_format": "Another format", "hints.timezone": "Another time zone",
  "csv.header": "Names of the columns, as a line of the file",
};
const FORMAT_NOTE = "As %Y-%m-%d %H:%M:%S, or rfc3339, unix_s, unix_ms, unix_us, unix_ns.";

function anyAnswer(look, question, answer) {
  if (!(question.option in ANY)) return null;
  const columns = look.found.inspection.columns.filter((column) => column.rows).map((column) => column.name);
  const input = question.option === "hints.time"
    ? el("select", { required: true }, el("option", { value: "", text: "choose …" }), columns.map((name) => el("option", { value: name, text: name })))
    : el("input", { required: true, autocomplete: "off", spellcheck: "false", list: question.option === "hints.timezone" ? "zones" : null });
  return el("form", { class: "inline", on: { submit: (event) => {
    event.preventDefault();
    answer(look, input.value);
  } } },
  labelled(ANY[question.option], input, question.option === "hints.time_format" ? FORMAT_NOTE : null), el("button", { text: "Use it" }));
}

export function questionsOf(look) {
  const questions = look.found?.inspection?.questions ?? [];
  return questions.map((question) => {
    const answer = ANSWERS[question.option];
    const choices = answer ? question.choices : [];
    return notice("ask",
      el("h3", { text: capitalized(inWords(question.text)) }),
      choices.length ? el("div", { class: "choices", role: "group", "aria-label": "Answers" }, choices.map((choice) =>
        el("button", { class: "choice", on: { click: () => answer(look, choice.value) } },
          el("strong", { text: choice.meaning }), el("code", { text: choice.value })))) : null,
      answer ? anyAnswer(look, question, answer) : el("p", { class: "note", text: "Mend the file, and choose it again." }));
  });
}
