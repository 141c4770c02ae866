// Thumbnails: the page asks for those that are seen, and forgets those that are not.

import { make } from "./page.js";

const BATCH = 8; // thumbnails asked for at once
const KEPT = 400; // thumbnails held; those out of sight are dropped first
export const NOUNS = { image: "picture", audio: "sound", video: "film" };
const MARKS = { image: "", audio: "♪", video: "▶" };

/** What all views of one gallery share: lines of text, thumbnails, and who is in sight. */
export class Shelf extends EventTarget {
  rows = new Map();
  thumbs = new Map();
  #seen = new Map(); // number of views that have it in sight
  #asked = false;

  constructor(model) {
    super();
    this.model = model;
  }

  /** Ask for the lines that are not here yet. */
  learn(ids) {
    const unknown = ids.filter((id) => !this.rows.has(id));
    for (const id of unknown) this.rows.set(id, null);
    if (unknown.length) this.model.send({ rows: unknown });
  }

  see(id) {
    this.#seen.set(id, (this.#seen.get(id) ?? 0) + 1);
    queueMicrotask(() => this.#ask());
  }

  leave(id) {
    const left = (this.#seen.get(id) ?? 1) - 1;
    if (left) this.#seen.set(id, left);
    else this.#seen.delete(id);
  }

  hear({ rows, thumbs }, buffers) {
    for (const row of rows ?? []) this.rows.set(row.id, row);
    if (rows) this.#tell(rows.map((row) => row.id));
    if (!thumbs) return;
    for (const [at, { id, type, note }] of thumbs.entries()) {
      const blob = new Blob([buffers[at]], { type });
      this.thumbs.set(id, { url: blob.size ? URL.createObjectURL(blob) : "", note });
    }
    this.#tell(thumbs.map((thumb) => thumb.id));
    this.#drop();
    this.#asked = false;
    this.#ask();
  }

  close() {
    for (const { url } of this.thumbs.values()) URL.revokeObjectURL(url);
    this.thumbs.clear();
  }

  #ask() {
    if (this.#asked) return;
    const numbers = [...this.#seen.keys()].filter((id) => !this.thumbs.has(id)).slice(0, BATCH);
    this.#asked = numbers.length > 0;
    if (numbers.length) this.model.send({ thumbs: numbers });
  }

  #drop() {
    for (const [id, { url }] of this.thumbs) {
      if (this.thumbs.size <= KEPT) return;
      if (this.#seen.has(id)) continue;
      this.thumbs.delete(id);
      this.#tell([id]);
      URL.revokeObjectURL(url);
    }
  }

  #tell(ids) {
    this.dispatchEvent(new CustomEvent("news", { detail: ids }));
  }
}

/** One thumbnail with its words; empty but for its name until it is seen. */
export class Tile {
  seen = false;

  constructor(id) {
    this.element = make("div", "mt-tile", { role: "option", tabindex: "-1", "data-id": id });
  }

  write(row, thumb) {
    if (!row) return;
    const prompt = row.prompt || "no prompt";
    const words = [prompt, NOUNS[row.kind], row.model, row.omissions];
    this.element.setAttribute("aria-label", words.filter(Boolean).join(", "));
    if (this.seen) this.#fill();
    if (!this.picture) return;
    this.element.dataset.kind = row.kind;
    this.prompt.textContent = prompt;
    this.model.textContent = row.model;
    this.element.title = [prompt, thumb?.note, row.omissions].filter(Boolean).join("\n");
    this.#draw(row, thumb);
  }

  #draw(row, thumb) {
    const broken = Boolean(thumb && !thumb.url);
    this.element.classList.toggle("mt-tile-broken", broken);
    if (thumb?.url) this.picture.src = thumb.url;
    else this.picture.removeAttribute("src");
    const mark = broken ? "" : MARKS[row.kind];
    this.note.textContent = thumb && (mark || broken) ? `${mark} ${thumb.note}`.trim() : "";
  }

  #fill() {
    if (this.picture) return;
    this.picture = make("img", "mt-tile-picture", { alt: "", draggable: "false" });
    this.note = make("span", "mt-tile-note");
    this.prompt = make("span", "mt-tile-prompt");
    this.model = make("span", "mt-tile-model");
    const frame = make("span", "mt-tile-frame");
    frame.append(this.picture, this.note);
    this.element.append(frame, this.prompt, this.model);
  }

  select(isSelected) {
    this.element.setAttribute("aria-selected", String(isSelected));
  }
}
