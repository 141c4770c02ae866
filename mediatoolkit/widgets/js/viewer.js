// One piece of media in full quality, in a dialog over the page, with what is known of it.

import { filmPane, picturePane, soundPane } from "./panes.js";
import { cellOf, copy, recall } from "./recall.js";
import { button, make, megabytes, toast } from "./page.js";

const WAITING = new Map(); // token with which the next piece is asked for -> the viewer that waits

export class Viewer {
  #parts = [];
  #received = 0;
  #urls = [];

  /** Show media; *ask* sends a token to the kernel, *button* is the one that was pressed. */
  static open(facts, buffers, options) {
    return new Viewer(facts, buffers, options);
  }

  /** A piece of the file that *token* asked for has come. */
  static receive(token, buffers) {
    WAITING.get(token)?.receive(buffers);
  }

  constructor(facts, [picture], { ask, button: pressed }) {
    Object.assign(this, { facts, ask, pressed, cell: cellOf(pressed) });
    this.standIn = picture ? this.#url([picture], "image/*") : "";
    this.pane = { picture: picturePane, sound: soundPane, film: filmPane }[facts.kind](this);
    this.#build();
    WAITING.set(facts.more, this);
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.pane.shown?.();
    ask(facts.more);
  }

  /** A piece of the file has come. */
  receive(buffers) {
    this.#parts.push(...buffers);
    for (const part of buffers) this.#received += part.byteLength;
    this.loading.value = this.#received;
    this.status.textContent = `${megabytes(this.#received)} of ${megabytes(this.facts.bytes)}`;
    if (this.#received < this.facts.bytes) this.ask(this.facts.more);
    else this.#finish();
  }

  #finish() {
    const url = this.#url(this.#parts.splice(0), this.facts.type);
    this.pane.fill(url);
    this.save.href = url;
    this.save.removeAttribute("aria-disabled");
    this.waiting.remove();
    this.ask(this.facts.over);
  }

  #url(parts, type) {
    const url = URL.createObjectURL(new Blob(parts, { type }));
    this.#urls.push(url);
    return url;
  }

  #build() {
    const { facts } = this;
    const title = make(
      "h2",
      "mt-viewer-title",
      { id: `mt-${facts.more}` },
      facts.prompt || facts.noun,
    );
    title.title = facts.prompt;
    const omissions = make("span", "mt-viewer-omissions", {}, facts.omissions);
    omissions.title = facts.omissions;
    const close = button("×", () => this.dialog.close(), { "aria-label": "Close" });
    this.loading = make("progress", "", { max: facts.bytes, "aria-label": "Loading" });
    this.status = make("span", "", { role: "status" });
    this.waiting = make("div", "mt-viewer-waiting", {}, this.loading, this.status);
    this.dialog = make(
      "dialog",
      "mt-widget mt-viewer",
      {
        "aria-labelledby": title.id,
        "data-kind": facts.kind,
        "data-lm-suppress-shortcuts": "true",
      },
      make("header", "", {}, title, omissions, close),
      make("div", "mt-viewer-stage", {}, ...this.pane.elements, this.waiting),
      make("aside", "", { "aria-label": "Origin" }, this.#panel(), this.#actions()),
    );
    this.dialog.addEventListener(
      "click",
      ({ target }) => target === this.dialog && this.dialog.close(),
    );
    this.dialog.addEventListener("close", () => this.#leave());
    for (const kind of ["keydown", "keyup"]) {
      this.dialog.addEventListener(kind, (event) => event.stopPropagation()); // not the notebook's
    }
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
    row.append(this.save);
    if (facts.recall)
      row.append(
        button("Recall", () => this.#recall(), { "aria-label": "Recall: put the call below" }),
      );
    return row;
  }

  async #recall() {
    this.recalled = true;
    this.dialog.close();
    const message = await recall(this.facts.recall, this.cell);
    if (message) toast(message, this.pressed, "status");
  }

  #leave() {
    if (this.#received < this.facts.bytes) this.ask(this.facts.over);
    WAITING.delete(this.facts.more);
    this.pane.empty?.();
    this.dialog.remove();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#parts = [];
    if (!this.recalled && this.pressed?.isConnected) this.pressed.focus();
  }
}
