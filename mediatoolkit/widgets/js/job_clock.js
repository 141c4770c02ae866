// The running job: its stage, its time, and how it ended. The browser counts the seconds.

import { everyTick, failureParts, keepTime, seconds } from "./job.js";
import { make, say } from "./page.js";

export class JobClock {
  skew = 0; // clock of the kernel minus clock of this page, milliseconds
  row = {};

  constructor() {
    this.bar = make("progress", "mt-bar", { max: "1", "aria-label": "Progress" });
    this.stage = make("span", "", { role: "status", "aria-live": "polite" });
    this.pause = make("span");
    this.time = make("span");
    this.limit = make("span", "mt-limit");
    this.clock = make("span", "mt-studio-time", {}, this.time, this.limit);
    this.wrong = make("div", "mt-failure", { role: "alert" });
    this.wrong.hidden = true;
    const words = make("span", "mt-studio-hint");
    words.append(this.stage, this.pause);
    const line = make("div", "mt-studio-line", {}, words, this.clock);
    this.root = make("div", "mt-studio-clock", {}, this.bar, line, this.wrong);
    this.end = everyTick(() => this.count());
    this.update({}, Date.now());
  }

  get runs() {
    return this.row.state === "running";
  }

  update(row, now) {
    this.skew = now - Date.now();
    const same = JSON.stringify(this.row.failure) === JSON.stringify(row.failure);
    this.row = row;
    this.bar.hidden = !this.runs;
    const took = seconds(row.took ?? 0);
    const ends = { cancelled: `Cancelled after ${took}.`, done: `Done in ${took}.` };
    const words = this.runs ? row.stage : (ends[row.state] ?? "");
    say(this.stage, words);
    if (!same) this.fail(row.failure);
    this.count();
  }

  stopping() {
    this.stage.textContent = "stopping…";
  }

  count() {
    if (this.runs) keepTime(this.row, Date.now() + this.skew, this);
    else for (const part of [this.time, this.limit, this.pause]) part.textContent = "";
  }

  fail(failure) {
    this.wrong.hidden = !failure;
    this.wrong.replaceChildren(...(failure ? failureParts(failure) : []));
  }
}
