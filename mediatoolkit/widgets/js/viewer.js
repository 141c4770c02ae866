// Media in full quality, in a dialog over the page, with what is known of it. One dialog goes through
// all that it was opened from, a piece at a time.

import { Download } from "./download.js";
import { failurePane, filmPane, picturePane, soundPane } from "./panes.js";
import { cellOf, copy, recall } from "./recall.js";
import { button, make, toast } from "./page.js";

const OPEN = new Map(); // name -> viewer
const PANES = { picture: picturePane, sound: soundPane, film: filmPane, failure: failurePane };
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export class Viewer {
  #urls = [];
  #wanted = 0; // the piece that was asked for last, from 0

  /** Show media, in the dialog that has asked for it; *send* takes a message to the kernel, *ask* a
   *  token, and *button* is the one that was pressed. */
  static open(facts, buffers, options) {
    const viewer = facts.opens ? new Viewer(facts, options) : OPEN.get(facts.viewer);
    if (viewer && (facts.opens || facts.at === viewer.#wanted)) viewer.show(facts, buffers);
  }

  constructor({ viewer: name, at, of }, { ask, send, button: pressed }) {
    const opener = pressed || document.activeElement;
    const cell = cellOf(opener);
    Object.assign(this, { name, first: at, of, ask, send, pressed, opener, cell });
    this.#wanted = at;
    OPEN.set(name, this);
    this.#build();
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  /** Show a piece in place of the last; the file follows. */
  show(facts, [picture]) {
    const stays = this.header.contains(document.activeElement);
    this.#empty();
    this.facts = facts;
    this.standIn = picture ? this.#url([picture], "image/*") : "";
    this.pane = PANES[facts.kind](this);
    this.#fill();
    this.pane.shown?.();
    if (!stays || facts.opens) this.#focus();
    if (facts.bytes) this.#fetch();
    else this.waiting.remove();
  }

  #fetch() {
    const { facts } = this;
    this.file = new Download(facts, this.ask, {
      progress: (words) => {
        this.loading.value = this.file.received;
        this.status.textContent = words;
      },
      done: (parts) => {
        const url = this.#url(parts, facts.type);
        this.pane.fill(url);
        this.save.href = url;
        this.save.removeAttribute("aria-disabled");
        this.waiting.remove();
      },
    });
    this.file.begin();
  }

  #url(parts, type) {
    const url = URL.createObjectURL(new Blob(parts, { type }));
    this.#urls.push(url);
    return url;
  }

  #build() {
    this.title = make("h2", "mt-viewer-title", { id: `mt-${this.name}` });
    this.omissions = make("span", "mt-viewer-omissions");
    this.place = make("span", "mt-viewer-place", { role: "status" });
    this.previous = button("‹", () => this.#step(-1), { "aria-label": "Previous" });
    this.next = button("›", () => this.#step(1), { "aria-label": "Next" });
    const close = button("×", () => this.dialog.close(), { "aria-label": "Close" });
    const steps = [this.previous, this.place, this.next];
    const walk = make("div", "mt-viewer-walk", { role: "group", "aria-label": "Pieces" }, ...steps);
    walk.hidden = this.of < 2;
    this.header = make("header", "", {}, this.title, this.omissions, walk, close);
    this.dialog = make(
      "dialog",
      "mt-widget mt-viewer",
      { "aria-labelledby": this.title.id, "data-lm-suppress-shortcuts": "true" },
      this.header,
    );
    this.dialog.addEventListener(
      "click",
      ({ target }) => target === this.dialog && this.dialog.close(),
    );
    this.dialog.addEventListener("close", () => this.#leave());
    for (const kind of ["keydown", "keyup"]) {
      this.dialog.addEventListener(kind, (event) => event.stopPropagation()); // not the notebook's
    }
    this.dialog.addEventListener("keydown", (event) => this.#press(event));
  }

  #fill() {
    const { facts } = this;
    const words = facts.prompt || facts.noun;
    this.dialog.dataset.kind = facts.kind;
    this.title.textContent = words;
    this.title.title = facts.prompt;
    this.omissions.textContent = facts.omissions;
    this.omissions.title = facts.omissions;
    this.loading = make("progress", "", { max: facts.bytes, "aria-label": "Loading" });
    this.status = make("span", "", { role: "status" });
    this.waiting = make("div", "mt-viewer-waiting", {}, this.loading, this.status);
    // The header stays, since one of its buttons may have the focus.
    for (const old of this.dialog.querySelectorAll(":scope > :not(header)")) old.remove();
    this.dialog.append(
      make("div", "mt-viewer-stage", {}, ...this.pane.elements, this.waiting),
      make("aside", "", { "aria-label": "Origin" }, this.#panel(), this.#actions()),
    );
    this.#count(facts.at, words);
  }

  /** Say which piece it is, such as `3 of 20`, and where one can go from there. */
  #count(at, words) {
    const hidden = make("span", "mt-viewer-hidden", {}, `: ${words}`);
    this.place.replaceChildren(`${at + 1} of ${this.of}`, hidden);
    this.previous.setAttribute("aria-disabled", String(at === 0));
    this.next.setAttribute("aria-disabled", String(at === this.of - 1));
  }

  /** Go to a neighbour; it stops at both ends. */
  #step(by) {
    const at = this.#wanted + by;
    if (at < 0 || at >= this.of) return;
    this.#wanted = at;
    this.pane.pause?.();
    this.#count(at, "…");
    this.send({ viewer: this.name, at });
  }

  /** The arrows go on, except where they move a picture that is zoomed in, or a player. */
  #press(event) {
    const isTaken = event.defaultPrevented || event.target.closest("audio, video");
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey || isTaken) return;
    event.preventDefault();
    this.#step(STEPS[event.key]);
  }

  /** A player takes the arrows for itself, so among several it is not where one lands. */
  #focus() {
    const isPlayer = this.of > 1 && this.facts.kind !== "picture";
    const on = this.facts.at < this.of - 1 ? this.next : this.previous;
    (isPlayer ? on : this.pane.main).focus();
  }

  #panel() {
    const list = make("dl", "mt-viewer-facts", { tabindex: "0", "aria-label": "Origin" });
    for (const [name, value] of this.facts.facts) {
      list.append(make("dt", "", {}, name), make("dd", "", {}, value));
    }
    return list;
  }

  #actions() {
    const { facts } = this;
    const link = { download: facts.name, "aria-disabled": "true", role: "link" };
    this.save = make("a", "mt-press", link, "Save");
    const row = make("div", "mt-viewer-actions");
    if (facts.prompt) {
      row.append(
        button("Copy prompt", async ({ target }) => {
          const done = await copy(facts.prompt);
          toast(
            done ? "The prompt is in the clipboard." : "The page may not copy.",
            target,
            "status",
          );
        }),
      );
    }
    if (facts.name) row.append(this.save);
    if (facts.recall)
      row.append(
        this.cell
          ? button("Insert cell below", () => this.#recall(), {
              title: "Put the call that makes this into a new cell; it is not run",
            })
          : button("Copy code", () => this.#recall(), { title: "Copy the call that makes this" }),
      );
    return row;
  }

  async #recall() {
    this.recalled = true;
    this.dialog.close();
    const message = await recall(this.facts.recall, this.cell);
    if (message) toast(message, this.pressed, "status");
  }

  /** Let go of the piece that is shown. */
  #empty() {
    this.file?.end();
    this.pane?.empty?.();
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
  }

  #leave() {
    OPEN.delete(this.name);
    this.send({ viewer: this.name, over: true });
    this.#empty();
    this.dialog.remove();
    if (this.recalled) return;
    if (this.pressed?.isConnected) this.pressed.focus();
    const detail = this.#wanted - this.first; // pieces from where it was opened to where it was left
    this.opener.dispatchEvent(new CustomEvent("mt-viewed", { bubbles: true, detail }));
  }
}
