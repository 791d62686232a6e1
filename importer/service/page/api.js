// Requests to the service: JSON, uploads, and the token that it may want.

const KEY = "importer-token";

export class Problem extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

export const hasToken = () => Boolean(sessionStorage.getItem(KEY));

export function keepToken(token) {
  sessionStorage.setItem(KEY, token.trim());
}

export function headers(more = {}) {
  const token = sessionStorage.getItem(KEY);
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

let askForToken = null;

// asker: returns a promise that is kept as soon as somebody has given a token.
export function onTokenNeeded(asker) {
  askForToken = asker;
}

// Whole numbers beyond what a double holds stay as they are.
function exact(_, value, context) {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

const parsed = (text) => JSON.parse(text, exact);

function problemOf(status, text) {
  try {
    const found = JSON.parse(text);
    // What is wrong as a whole is told once.
    const errors = (found.errors || []).filter((each) => each.reason !== found.detail);
    return new Problem(status, found.detail || found.title, errors);
  } catch {
    return new Problem(status, text.slice(0, 500) || `the service answered ${status}`);
  }
}

// The answer, whatever it is; asks for a token where one is wanted, and tries again.
export async function fetched(path, options = {}) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, { ...options, headers: headers(options.headers) });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "The service cannot be reached.");
    }
    if (answer.status === 401 && askForToken) {
      await askForToken();
      continue;
    }
    if (answer.status === 503 && path !== "ready") document.dispatchEvent(new Event("unready"));
    if (!answer.ok) throw problemOf(answer.status, await answer.text());
    return answer;
  }
}

export async function asked(path, options = {}) {
  const text = await (await fetched(path, options)).text();
  return text ? parsed(text) : null;
}

export function sent(path, body, options = {}) {
  return asked(path, {
    ...options, method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  });
}

// fetch() does not tell how much of a body has gone.
function uploadOnce(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `uploads?name=${encodeURIComponent(file.name)}`);
    for (const [name, value] of Object.entries(headers({ "Content-Type": "application/octet-stream" }))) {
      request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(parsed(request.responseText));
      else reject(problemOf(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(new Problem(0, "The upload broke off.")));
    request.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

export async function uploaded(file, onProgress, signal) {
  for (;;) {
    try {
      return await uploadOnce(file, onProgress, signal);
    } catch (problem) {
      if (problem.status !== 401 || !askForToken) throw problem;
      await askForToken();
    }
  }
}
