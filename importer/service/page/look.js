// What is known of the chosen file: what was found in it, what somebody has changed, what would come of that.
// One question to the service at a time; what changed meanwhile makes its answer stale, and it is asked again.

import { sent } from "./api.js";
import { faultOf, mappingOf, planOf } from "./plan.js";

const QUIET_MS = 350;
const LARGE_BYTES = 64e6;
const SAMPLE = 100_000;

const sleep = (ms) => new Promise((wake) => { setTimeout(wake, ms); });

export class Look {
  // chosen: {upload, name, bytes} or {path, name}; onChange: told whenever something is known anew.
  constructor(chosen, onChange) {
    this.chosen = chosen;
    this.onChange = onChange;
    this.found = this.plan = this.tried = this.problem = null;
    this.hints = {};
    this.csv = {};
    this.sample = (chosen.bytes ?? 0) > LARGE_BYTES ? SAMPLE : null;
    this.isClosed = false;
    this.isTaken = false; // the upload is an import's now, or removed
    this.#changes = new Map();
  }

  #changes;
  #time = {};
  #measurement = null;
  #wanted = null;
  #isRunning = false;
  #quietAt = 0;

  get source() {
    return this.chosen.upload ? { upload: this.chosen.upload } : { path: this.chosen.path };
  }

  get isBusy() {
    return this.#isRunning || this.#wanted !== null;
  }

  get isLooking() {
    return this.isBusy && (this.#wanted ?? this.asking) === "inspection";
  }

  get fault() {
    return this.plan ? faultOf(this.plan) : null;
  }

  // What an import is to be told; null while something is open.
  get mapping() {
    if (this.found?.annotated) return null;
    return this.plan && !this.fault ? mappingOf(this.plan) : null;
  }

  // Why nothing at all would be imported, where all rows were tried; null: something would be.
  get emptiness() {
    const tried = this.tried?.tried;
    if (!tried?.is_whole || tried.points) return null;
    if (!tried.rows) return "There is nothing to import: the file has no rows.";
    return tried.rejects ? "None of the rows can be loaded, for the reasons above: change types or roles, or mend the file."
      : "None of the rows gives a point: change the roles, or mend the file.";
  }

  get canStart() {
    return Boolean(this.found?.annotated || this.mapping) && !this.problem && !this.emptiness;
  }

  // Sent from here, and of no use to anybody else.
  get isUnused() {
    return Boolean(this.chosen.sha256) && !this.isTaken;
  }

  inspect() {
    this.#ask("inspection");
  }

  inspectAll() {
    this.sample = null;
    this.inspect();
  }

  readAs(csv) {
    this.csv = { ...this.csv, ...csv };
    for (const [name, value] of Object.entries(this.csv)) if (value === null) delete this.csv[name];
    this.inspect();
  }

  hint(hints) {
    this.hints = { ...this.hints, ...hints };
    this.#time = {};
    this.inspect();
  }

  change(column, what) {
    const row = this.plan.rows.find((each) => each.name === column);
    if (what.role === "time") {
      this.#changes.delete(column);
      this.hint({ time: [column], time_format: undefined });
      return;
    }
    const others = this.plan.rows.filter((each) => each.role === "time" && each !== row).map((each) => each.name);
    if (what.role && row.role === "time" && others.length) {
      this.#changes.set(column, what);
      this.hint({ time: others, time_format: undefined });
      return;
    }
    this.#changes.set(column, { ...this.#changes.get(column), ...what });
    this.#check();
  }

  setTime(what) {
    Object.assign(this.#time, what);
    if (what.timezone) this.hints.timezone = what.timezone;
    this.#check();
  }

  setMeasurement(name) {
    this.#measurement = name;
    this.#check();
  }

  close() {
    this.isClosed = true;
  }

  #replan() {
    this.plan = this.found?.mapping ? planOf(this.found, this.#changes, this.#time) : null;
    if (this.plan && this.#measurement !== null) this.plan.measurement = { value: this.#measurement };
  }

  #check() {
    this.#replan();
    this.#quietAt = Date.now() + QUIET_MS;
    if (this.mapping) this.#ask("mapping");
    else this.#told();
  }

  #ask(kind) {
    this.#wanted = this.#wanted === "inspection" ? "inspection" : kind;
    this.#told();
    if (!this.#isRunning) this.#run();
  }

  #told() {
    if (!this.isClosed) this.onChange();
  }

  async #run() {
    this.#isRunning = true;
    while (this.#wanted && !this.isClosed) {
      while (Date.now() < this.#quietAt) await sleep(Math.max(10, this.#quietAt - Date.now()));
      this.asking = this.#wanted;
      this.#wanted = null;
      await this.#asked(this.asking);
    }
    this.#isRunning = false;
    this.#told();
  }

  async #asked(kind) {
    const about = { ...this.source, sample: this.sample };
    if (kind === "mapping" && !this.mapping) return;
    const body = kind === "mapping" ? { ...about, mapping: this.mapping } : { ...about, hints: this.hints, csv: this.csv };
    try {
      const answer = await sent("inspections", body);
      if (this.#wanted) return; // something has changed meanwhile
      this.problem = null;
      if (kind === "mapping") this.tried = answer;
      else this.#took(answer);
    } catch (problem) {
      if (problem.status === 504 && this.sample === null) {
        this.sample = SAMPLE;
        this.#wanted ??= kind;
      } else if (problem.status === 429) {
        await sleep(1000);
        this.#wanted ??= kind;
      } else if (!this.#wanted) {
        this.problem = problem;
        if (kind === "mapping") this.tried = null;
      }
    }
  }

  #took(answer) {
    this.found = this.tried = answer;
    this.#replan();
    if (this.plan && (this.#changes.size || this.#measurement !== null)) {
      this.tried = null;
      if (this.mapping) this.#wanted = "mapping";
    }
  }
}
