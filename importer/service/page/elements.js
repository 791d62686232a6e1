// Elements, made from data. What comes from data is put in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

// Children: elements, texts, lists of them; what is null, undefined or false is left out.
function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [kind, listener] of Object.entries(value)) element.addEventListener(kind, listener);
    } else if (name === "text") element.textContent = value;
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

export function el(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

export function svg(name, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, name), properties, children);
}

export const byId = (id) => document.getElementById(id);

let numbered = 0;

// A label and its control; the note stands below and is read with the control.
export function labelled(text, control, note = null) {
  numbered += 1;
  control.id ||= `control-${numbered}`;
  const below = note ? el("span", { class: "note", id: `${control.id}-note` }, note) : null;
  if (below) control.setAttribute("aria-describedby", below.id);
  return el("div", { class: "labelled" }, el("label", { for: control.id, text }), control, below);
}

// choices: [value, text] each.
export function select(choices, value, properties = {}) {
  const made = el("select", properties, choices.map(([each, text]) => el("option", { value: each, text })));
  made.value = value;
  return made;
}

export function notice(kind, ...children) {
  return el("div", { class: `notice ${kind}` }, ...children);
}

// Said to who listens to the page; it is nowhere to be seen.
export function say(text) {
  const place = byId("said");
  if (place.textContent !== text) place.textContent = text;
}

// A table that scrolls by itself where it is too wide.
export function wideTable(caption, heads, rows) {
  return el("div", { class: "wide", role: "region", tabindex: "0", "aria-label": caption },
    el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) =>
      head instanceof Node ? head : el("th", { scope: "col", text: head })))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) =>
      cell instanceof Node && cell.nodeName === "TD" ? cell : el("td", {}, cell)))))));
}

export function focusOn(element) {
  if (!element.hasAttribute("tabindex") && !element.matches("a, button, input, select")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
}
