// The view of the jobs of one cell. Python sends what happened and when; the browser counts the seconds.

import { Jobs, endedLine, initialize } from "./group.js";
import { everyTick, failureParts, keepTime } from "./job.js";
import { placeOf } from "./sounding.js";
import { button, make, say } from "./page.js";

const MOST_ROWS = 5; // on the page; the others are counted
const MOST_PICTURES = 24;
const PAYS_TWICE = "the provider may have billed the first try, and this may pay again";

/** The row with which the voice of a job is heard, muted or begun; hidden while it is silent. */
function renderVoice(voice, row) {
  const toggle = button("Mute", () => {
    if (voice.state === "blocked") voice.start(true);
    else voice.mute(!voice.muted);
  });
  const meter = make("meter", "mt-job-level", { "aria-label": "Loudness", max: "1" });
  const position = make("span", "mt-job-heard", { "aria-label": "Voice" });
  row.append(toggle, meter, position);

  function listen() {
    meter.value = voice.level;
    position.textContent = `${voice.heard.toFixed(1)} of ${voice.queued.toFixed(1)} s`;
  }

  function refresh() {
    row.dataset.voice = voice.state;
    row.hidden = voice.state === "silent";
    const silent = voice.state === "blocked" || voice.state === "muted";
    toggle.textContent = { blocked: "Play", muted: "Unmute" }[voice.state] ?? "Mute";
    row.classList.toggle("mt-job-quiet", silent);
    listen();
  }

  voice.addEventListener("change", refresh);
  voice.start();
  refresh();
  const timer = setInterval(listen, 100);
  return () => {
    clearInterval(timer);
    voice.removeEventListener("change", refresh);
  };
}

/** One job as a row: what it is, how far it is, and what can be done about it. */
class Row {
  constructor(job, send) {
    this.job = job;
    this.root = make("div", "mt-job", { role: "group" });
    this.picture = make("img", "mt-job-picture", { alt: "" });
    this.label = make("span", "mt-job-label");
    this.bar = make("progress", "mt-bar mt-job-bar", { max: "1" });
    this.stage = make("span", "", { role: "status", "aria-live": "polite" });
    this.pause = make("span");
    this.price = make("span", "mt-job-price");
    const words = make("span", "mt-job-stage");
    words.append(this.stage, this.pause, this.price);
    this.time = make("span");
    this.limit = make("span", "mt-limit");
    this.clock = make("span", "mt-job-clock", {}, this.time, this.limit);
    this.failure = make("div", "mt-failure mt-job-failure", { role: "alert" });
    this.buttons = make("span", "mt-job-buttons");
    this.more = this.#button("+30 s", () => send("extend", job.name));
    this.again = this.#button("Retry", () => send("retry", job.name));
    this.cancel = this.#button("Cancel", () => {
      job.stopping = true;
      job.voice.stop();
      send("cancel", job.name);
      this.write();
    });
    const voice = make("div", "mt-job-voice", { role: "group", "aria-label": "Voice" });
    const { picture, label, buttons, bar, clock, failure } = this;
    this.root.append(picture, label, buttons, bar, words, clock, voice, failure);
    this.silence = renderVoice(job.voice, voice);
    this.write();
  }

  #button(word, act) {
    const element = button(word, act);
    this.buttons.append(element);
    return element;
  }

  write() {
    const { job } = this;
    const runs = job.state === "running";
    this.root.dataset.state = job.state;
    this.label.textContent = job.label;
    this.label.title = job.label;
    this.root.setAttribute("aria-label", job.label);
    this.bar.setAttribute("aria-label", `Progress of ${job.label}`);
    this.cancel.setAttribute("aria-label", `Cancel ${job.label}`);
    const whom = job.is_run ? `each row of ${job.label}` : job.label;
    this.more.textContent = job.is_run ? "+30 s a row" : "+30 s";
    this.more.setAttribute("aria-label", `Give 30 seconds more to ${whom}`);
    // The counts of a run change all the time; nobody wants to hear each.
    this.stage.setAttribute("aria-live", job.is_run ? "off" : "polite");
    const cost = job.pays_twice ? `; ${PAYS_TWICE}` : "";
    this.again.setAttribute("aria-label", `Retry ${job.label}${cost}`);
    this.again.title = job.pays_twice ? PAYS_TWICE : "";
    this.cancel.disabled = job.stopping;
    this.again.hidden = !["failed", "cancelled"].includes(job.state);
    for (const element of [this.bar, this.cancel, this.more, this.clock]) element.hidden = !runs;
    this.pause.hidden = !runs || job.stopping;
    const end = [job.state, job.omissions].filter(Boolean).join(" · ");
    const words = runs ? (job.stopping ? "stopping…" : job.stage) : end;
    say(this.stage, words);
    this.price.textContent = job.price && ` · ${job.price}`;
    this.failure.hidden = !job.failure;
    if (job.failure && this.told !== job.failure) {
      this.told = job.failure; // written once, so that unfolded details stay so
      this.failure.replaceChildren(...failureParts(job.failure));
    }
    this.picture.hidden = !job.url;
    if (job.url && this.picture.src !== job.url) this.picture.src = job.url;
  }

  count(now) {
    if (this.job.state === "running") keepTime(this.job, now, this);
  }
}

/** How all of a group stand, above the rows of those that are looked at. */
class Summary {
  constructor(send) {
    this.root = make("div", "mt-jobs-summary");
    this.said = make("span", "mt-job-label", { role: "status", "aria-live": "polite" });
    this.bar = make("progress", "mt-bar mt-job-bar", { "aria-label": "Progress of all jobs" });
    this.cancel = button("Cancel all", () => send("cancel", null));
    this.root.append(this.said, this.cancel, this.bar);
  }

  write(jobs) {
    const [all, done] = [jobs.all.length, jobs.count("done")];
    const [failed, cancelled] = [jobs.count("failed"), jobs.count("cancelled")];
    const parts = [`${done} of ${all} done`];
    if (failed) parts.push(`${failed} failed`);
    if (cancelled) parts.push(`${cancelled} cancelled`);
    say(this.said, parts.join(" · "));
    this.root.hidden = all < 2;
    this.bar.max = all;
    this.bar.value = done + failed + cancelled;
    this.cancel.hidden = !jobs.count("running");
  }
}

/** The pictures of what is done, the newest first. */
function writePictures(strip, jobs) {
  const done = jobs.all.filter((job) => job.state === "done" && job.url).reverse();
  const pictured = done.slice(0, MOST_PICTURES);
  strip.hidden = jobs.all.length < 2 || !pictured.length;
  strip.replaceChildren(
    ...pictured.map(({ label, url }) => make("img", "", { alt: label, src: url, title: label })),
  );
}

function render(jobs, { model, el }) {
  const send = (wish, row) => model.send({ wish, row });
  const root = make("div", "mt-widget mt-jobs");
  const summary = new Summary(send);
  const list = make("div", "mt-jobs-list");
  const rest = make("div", "mt-job-stage mt-jobs-rest");
  const strip = make("div", "mt-jobs-pictures");
  const rows = new Map();
  root.append(summary.root, list, rest, strip);
  el.append(root);
  jobs.seen = true;
  jobs.views += 1;

  function rowOf(job) {
    if (!rows.has(job)) rows.set(job, new Row(job, send));
    return rows.get(job);
  }

  function write() {
    root.classList.toggle("mt-jobs-several", jobs.all.length > 1);
    summary.write(jobs);
    const waiting = jobs.all.filter((job) => jobs.all.length === 1 || job.rank >= 0);
    const looked = waiting.sort((a, b) => a.rank - b.rank).slice(0, MOST_ROWS);
    const wanted = looked.map((job) => rowOf(job).root);
    for (const [job, row] of rows) {
      row.write();
      if (looked.includes(job)) continue;
      row.silence();
      row.root.remove();
      rows.delete(job);
    }
    wanted.forEach((element, place) => {
      if (list.children[place] !== element)
        list.insertBefore(element, list.children[place] ?? null);
    });
    rest.textContent =
      waiting.length > looked.length ? `${waiting.length - looked.length} more` : "";
    rest.hidden = !rest.textContent;
    writePictures(strip, jobs);
    if (jobs.ended) root.replaceChildren(endedLine());
    const { data } = model.get("ending");
    if (data?.["text/html"]) root.innerHTML = data["text/html"]; // escaped where it is made
    else if (data) root.replaceChildren(make("pre", "", {}, data["text/plain"]));
    count();
  }

  function count() {
    jobs.place = placeOf(el) ?? jobs.place;
    const now = Date.now() + jobs.skew;
    for (const [, row] of rows) row.count(now);
  }

  jobs.addEventListener("change", write);
  model.on("change:ending", write);
  write();
  const stop = everyTick(count);
  return () => {
    stop();
    jobs.views -= 1;
    for (const [, row] of rows) row.silence();
    jobs.removeEventListener("change", write);
    model.off("change:ending", write);
  };
}

/** Called once a board. */
export default () => {
  const jobs = new Jobs();
  return {
    initialize: (board) => initialize(jobs, board),
    render: (view) => render(jobs, view),
  };
};
