// Shows the OpenAPI document, and sends requests by hand. Everything is put in as text, never as markup.
"use strict";

const KEY = "importer-token";
const METHODS = ["get", "post", "put", "patch", "delete"];

const byId = (id) => document.getElementById(id);

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function headers(more = {}) {
  const token = sessionStorage.getItem(KEY);
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

function resolved(api, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return schema.$ref.slice(2).split("/").reduce((found, part) => found[part], api);
}

// An example of a schema: its own, or one put together from its parts.
function example(api, schema, depth = 0) {
  const found = resolved(api, schema);
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.example !== undefined) return found.example;
  if (found.default !== undefined) return found.default;
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  const choice = (found.anyOf || found.oneOf || found.allOf || [])[0];
  if (choice && depth < 8) return example(api, choice, depth + 1);
  if (found.type === "object" || found.properties) {
    if (depth > 7) return {};
    return Object.fromEntries(
      Object.entries(found.properties || {}).map(([name, part]) => [name, example(api, part, depth + 1)]));
  }
  if (found.type === "array") return depth > 7 ? [] : [example(api, found.items, depth + 1)];
  return { string: "", integer: 0, number: 0, boolean: false }[found.type] ?? null;
}

function kind(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const choices = schema.anyOf || schema.oneOf;
  if (choices) return choices.map((choice) => kind(api, choice)).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${kind(api, schema.items)}`;
  if (schema.type === "null") return "nothing";
  return schema.type || "anything";
}

function table(heads, rows) {
  const cells = (row, name) => row.map((cell) => made(name, { textContent: cell }));
  return made("div", { className: "wide" }, made("table", {},
    made("thead", {}, made("tr", {}, ...cells(heads, "th"))),
    made("tbody", {}, ...rows.map((row) => made("tr", {}, ...cells(row, "td"))))));
}

// The parts of a model and of the models in it, each model once.
function parts(api, schema, seen = new Set()) {
  const shown = [];
  const follow = (each) => {
    if (!each) return;
    if (each.$ref) {
      if (seen.has(each.$ref)) return;
      seen.add(each.$ref);
    }
    const found = resolved(api, each);
    if (found.properties) {
      const required = new Set(found.required || []);
      const rows = Object.entries(found.properties).map(([name, part]) =>
        [name + (required.has(name) ? " *" : ""), kind(api, part), resolved(api, part).description || part.description || ""]);
      shown.push(made("h4", { textContent: found.title || "" }), table(["name", "type", "meaning"], rows));
    }
    for (const part of [...Object.values(found.properties || {}), found.items, found.additionalProperties,
      ...(found.anyOf || []), ...(found.oneOf || []), ...(found.allOf || [])]) {
      if (part && typeof part === "object") follow(part);
    }
  };
  follow(schema);
  return shown;
}

function answerRows(api, operation) {
  const shown = [];
  for (const [status, answer] of Object.entries(operation.responses)) {
    const inside = made("div", {}, made("p", { textContent: answer.description }));
    for (const [type, content] of Object.entries(answer.content || {})) {
      const value = content.example ?? (content.schema ? example(api, content.schema) : null);
      inside.append(made("p", { className: "note", textContent: type }));
      if (value !== null) {
        inside.append(made("pre", { textContent: typeof value === "string" ? value : JSON.stringify(value, null, 2) }));
      }
      if (status < "400") inside.append(...parts(api, content.schema));
    }
    shown.push(made("details", {}, made("summary", { textContent: `${status} ${answer.description}` }), inside));
  }
  return shown;
}

// A form that sends the request; what comes back is shown below it.
function trial(api, method, path, operation) {
  const inputs = (operation.parameters || []).filter((each) => each.in !== "header").map((parameter) => {
    const id = `${operation.operationId}-${parameter.name}`;
    const schema = parameter.schema || {};
    const start = parameter.example ?? (schema.examples || [])[0] ?? (parameter.required ? "" : schema.default) ?? "";
    const input = made("input", { id, required: Boolean(parameter.required), value: String(start ?? "") });
    return { parameter, input, label: made("label", { htmlFor: id, textContent: parameter.name }) };
  });
  const types = Object.keys((operation.requestBody || {}).content || {});
  const type = types.find((each) => each.includes("json")) || types[0];
  let body = null;
  if (type) {
    const id = `${operation.operationId}-body`;
    const isText = type.includes("json");
    const schema = operation.requestBody.content[type].schema;
    body = isText
      ? made("textarea", { id, value: JSON.stringify(example(api, schema), null, 2), spellcheck: false })
      : made("input", { id, type: "file" });
    body.label = made("label", { htmlFor: id, textContent: isText ? "body" : "file" });
  }
  const out = made("pre", { hidden: true, tabIndex: 0 });
  out.setAttribute("aria-live", "polite");
  const form = made("form", {}, ...inputs.flatMap(({ label, input }) => [label, input]),
    body ? body.label : null, body, made("button", { textContent: "Send" }), out);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    let place = path;
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") place = place.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.append(parameter.name, input.value);
    }
    const address = place.slice(1) + (String(query) ? `?${query}` : "");
    const request = { method: method.toUpperCase(), headers: headers() };
    if (body && body.type === "file") {
      request.body = body.files[0];
      request.headers["Content-Type"] = "application/octet-stream";
    } else if (body) {
      request.body = body.value;
      request.headers["Content-Type"] = type;
    }
    out.hidden = false;
    out.textContent = "…";
    try {
      const answer = await fetch(address, request);
      out.textContent = `${answer.status} ${answer.statusText}\n\n`;
      await show(answer, out);
    } catch (error) {
      out.textContent = `no answer: ${error.message}`;
    }
  });
  return form;
}

const MOST_SHOWN = 100000;

// An answer may be long, and events have no end: what comes is shown as it comes, up to a bound.
async function show(answer, out) {
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += value || "";
    const isEnd = done || text.length > MOST_SHOWN;
    if (isEnd && (answer.headers.get("content-type") || "").includes("json")) {
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it is */ }
    }
    out.textContent = `${answer.status} ${answer.statusText}\n\n${text.slice(0, MOST_SHOWN)}`;
    if (isEnd) {
      await reader.cancel();
      return;
    }
  }
}

function shownRoute(api, method, path, operation) {
  const rows = (operation.parameters || []).map((each) =>
    [each.name + (each.required ? " *" : ""), each.in, kind(api, each.schema), each.description || (each.schema || {}).description || ""]);
  const bodies = Object.entries((operation.requestBody || {}).content || {}).flatMap(([type, content]) => {
    const value = example(api, content.schema);
    return [made("h3", { textContent: `Body: ${type}` }),
      type.includes("json") ? made("pre", { textContent: JSON.stringify(value, null, 2) }) : null,
      ...parts(api, content.schema)];
  });
  return made("details", { id: operation.operationId },
    made("summary", {}, made("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
      made("span", { className: "path", textContent: path }), ` ${operation.summary || ""}`),
    made("div", {}, made("p", { textContent: operation.description || "" }),
      ...(rows.length ? [made("h3", { textContent: "Parameters" }), table(["name", "in", "type", "meaning"], rows)] : []),
      ...bodies.filter(Boolean), made("h3", { textContent: "Answers" }), ...answerRows(api, operation),
      made("h3", { textContent: "Try it" }), trial(api, method, path, operation)));
}

function showAll(api) {
  byId("summary").textContent = `${api.info.summary || ""} Version ${api.info.version}. ${api.info.description || ""}`;
  const groups = new Map((api.tags || []).map((tag) => [tag.name, { text: tag.description, routes: [] }]));
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((each) => operations[each])) {
      const name = (operations[method].tags || ["others"])[0];
      if (!groups.has(name)) groups.set(name, { text: "", routes: [] });
      groups.get(name).routes.push([method, path, operations[method]]);
    }
  }
  const list = made("ul");
  for (const [name, { text, routes }] of groups) {
    if (!routes.length) continue;
    byId("routes").append(made("h2", { textContent: name }), made("p", { className: "note", textContent: text || "" }));
    for (const [method, path, operation] of routes) {
      const shown = shownRoute(api, method, path, operation);
      byId("routes").append(shown);
      const link = made("a", { href: `#${operation.operationId}`, textContent: `${method.toUpperCase()} ${path}` });
      link.addEventListener("click", () => { shown.open = true; });
      list.append(made("li", {}, link));
    }
  }
  byId("contents").append(list);
  const chosen = byId(decodeURIComponent(location.hash.slice(1)));
  if (chosen && chosen.tagName === "DETAILS") {
    chosen.open = true;
    chosen.scrollIntoView();
  }
}

async function begin() {
  byId("trouble").textContent = "";
  let answer;
  try {
    answer = await fetch("openapi.json", { headers: headers() });
  } catch (error) {
    byId("trouble").textContent = `The service does not answer: ${error.message}`;
    return;
  }
  if (answer.status === 401) {
    byId("token-form").hidden = false;
    byId("trouble").textContent = sessionStorage.getItem(KEY) ? "That is not the token." : "This service asks for its token.";
    sessionStorage.removeItem(KEY);
    return;
  }
  if (!answer.ok) {
    byId("trouble").textContent = `The service answers ${answer.status}.`;
    return;
  }
  byId("token-form").hidden = true;
  showAll(await answer.json());
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("token").value.trim());
  byId("token").value = "";
  begin();
});

begin();
