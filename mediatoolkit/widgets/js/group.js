// The jobs of one cell, as Python last told of them; what all views of them share.

import { Voice, handOver } from "./sounding.js";
import { keepEnding, putInPlace } from "./ending.js";
import { KERNEL_ENDED, make, whenGone } from "./page.js";

/** One job, as Python last told of it; what all views of it share. */
class Job {
  voice = new Voice();
  stopping = false;
  url = null; // of its picture

  constructor(name) {
    this.name = name;
  }

  take(news) {
    Object.assign(this, news);
  }

  show(jpeg) {
    this.drop();
    this.url = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
  }

  end() {
    if (this.state === "running") this.state = "ended";
    this.voice.stop();
  }

  drop() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
  }

  /** What is looked at first: work, failures, what waits, what can be retried; -1 for results. */
  get rank() {
    if (this.state === "running") return this.stage === "queued" ? 2 : 0;
    return { failed: 1, cancelled: 3 }[this.state] ?? -1;
  }
}

/** All jobs of a cell. */
export class Jobs extends EventTarget {
  skew = 0; // clock of the kernel minus clock of this page, milliseconds
  place = null;
  seen = false;
  views = 0;
  ended = false; // with its kernel
  #jobs = new Map();
  #handedOver = false;

  get all() {
    return [...this.#jobs.values()];
  }

  get(name) {
    if (!this.#jobs.has(name)) this.#jobs.set(name, new Job(name));
    return this.#jobs.get(name);
  }

  take(rows) {
    for (const [name, news] of Object.entries(rows)) this.get(name).take(news);
    this.dispatchEvent(new Event("change"));
  }

  show(names, pictures) {
    names.forEach((name, place) => this.get(name).show(pictures[place]));
    this.dispatchEvent(new Event("change"));
  }

  /** The kernel is gone, and with it whatever still ran. */
  end() {
    this.ended = true;
    for (const job of this.all) job.end();
    this.dispatchEvent(new Event("change"));
  }

  /** Have what is still heard go on in the players that take the place of the board; once. */
  handOver() {
    if (this.#handedOver) return;
    this.#handedOver = true;
    for (const job of this.all) handOver(job.voice, this.place);
  }

  count(...states) {
    return this.all.filter((job) => states.includes(job.state)).length;
  }
}

/** What stays of jobs whose kernel is gone, also in a saved notebook. */
export function endedLine() {
  const line = make("div", "", { role: "status" }, KERNEL_ENDED);
  line.style.cssText = "opacity: .75; font-size: .9em";
  return line;
}

export function initialize(jobs, { model }) {
  const listen = () => {
    jobs.skew = model.get("now") - Date.now();
  };
  const take = () => jobs.take(model.get("news"));
  const hear = (news, buffers) => {
    const [pcm] = buffers;
    if (news.pictures) jobs.show(news.pictures, buffers);
    if (news.stop_sound) jobs.get(news.stop_sound).voice.stop();
    if (!news.sound) return;
    const { voice } = jobs.get(news.sound.row);
    voice.add(pcm, news.sound.rate, news.sound.channels);
    if (jobs.seen) voice.start();
  };
  listen();
  jobs.take(model.get("rows"));
  take();
  model.on("change:now", listen);
  model.on("change:news", take);
  model.on("msg:custom", hear);
  model.send({ page: "here" }); // Python sends the pictures that came before this page did
  // The board outlives its place in the page, where the player of the result stands by now.
  const end = () => model.get("ending").data && jobs.handOver();
  model.on("change:ending", end);
  const forget = keepEnding(jobs, model);
  const away = whenGone(model, () => {
    if (model.get("ending").data) return;
    jobs.end();
    const { outerHTML, textContent } = endedLine();
    putInPlace(model, { data: { "text/html": outerHTML, "text/plain": textContent } });
  });
  return () => {
    forget();
    away();
    model.off("change:now", listen);
    model.off("change:news", take);
    model.off("change:ending", end);
    model.off("msg:custom", hear);
    for (const job of jobs.all) job.drop();
    jobs.handOver();
  };
}
