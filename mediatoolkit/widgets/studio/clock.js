// The running job: its stage, its time, and how it ended. The browser counts the seconds.

const LATE = 0.8; // share of the time after which the bar warns

class Clock {
  skew = 0; // clock of the kernel minus clock of this page, milliseconds
  row = {};

  constructor() {
    this.bar = make("progress", "mt-studio-bar", { max: "1", "aria-label": "Progress" });
    this.stage = make("span", "mt-studio-hint", { role: "status", "aria-live": "polite" });
    this.time = make("span", "mt-studio-time");
    this.wrong = make("div", "mt-studio-failure", { role: "alert" });
    this.wrong.hidden = true;
    const line = make("div", "mt-studio-line", {}, this.stage, this.time);
    this.element = make("div", "mt-studio-clock", {}, this.bar, line, this.wrong);
    this.timer = setInterval(() => this.count(), STILL.matches ? 1000 : 100);
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
    const said = this.runs ? row.stage : (ends[row.state] ?? "");
    if (this.stage.textContent !== said) this.stage.textContent = said; // else it is said again
    if (!same) this.fail(row.failure);
    this.count();
  }

  stopping() {
    this.stage.textContent = "stopping…";
  }

  count() {
    this.time.textContent = "";
    if (!this.runs) return;
    const { began, deadline, fraction } = this.row;
    const now = Date.now() + this.skew;
    const spent = Math.min(1, Math.max(0, (now - began) / (deadline - began || 1)));
    this.bar.value = fraction ?? spent;
    this.element.dataset.counts = (fraction ?? null) === null ? "time" : "work";
    this.element.dataset.late = String(spent > LATE);
    this.time.textContent = `${seconds(now - began)} · ${seconds(deadline - now)} left`;
  }

  fail(failure) {
    this.wrong.hidden = !failure;
    this.wrong.replaceChildren();
    if (!failure) return;
    const facts = make("dl", "mt-studio-facts");
    for (const [name, value] of Object.entries(failure.facts)) {
      facts.append(make("dt", "", {}, name), make("dd", "", {}, value));
    }
    const details = make("details", "", {}, make("summary", "", {}, "Details"), facts);
    this.wrong.append(make("strong", "", {}, failure.kind), ` ${failure.message}`, details);
  }

  end() {
    clearInterval(this.timer);
  }
}
