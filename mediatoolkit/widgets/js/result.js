// What is shown: one piece at full quality, its words, the code that makes it.

import { cellOf, copy, recall } from "./recall.js";
import { button, make } from "./page.js";
import { addCaptions } from "./panes.js";

export class Result {
  constructor(addresses, { fetch, refill }) {
    this.addresses = addresses;
    this.fetch = fetch;
    this.files = new Map(); // number of the piece → address
    this.entry = null;
    this.number = -1;
    this.frame = make("div", "mt-studio-frame");
    this.caption = make("p", "mt-studio-caption");
    this.facts = make("p", "mt-studio-hint mt-studio-facts-line");
    this.code = make("pre", "mt-studio-code", { role: "region", tabindex: "0" });
    this.code.setAttribute("aria-label", "Python code");
    this.below = button("Insert cell below", () => this.putBelow(), {
      title: "Put this code into a new cell; it is not run",
    });
    this.told = make("span", "mt-studio-hint mt-studio-told", { role: "status" });
    this.copied = button("Copy", () => this.copy());
    const ways = make("div", "mt-studio-ways", {}, this.told, this.below, this.copied);
    this.panel = make("div", "mt-studio-panel", {}, this.code, ways);
    this.panel.hidden = true;
    this.shows = button("Show code", () => this.toggle(), { "aria-expanded": "false" });
    const tools = make(
      "div",
      "mt-studio-tools",
      { role: "group", "aria-label": "Result" },
      button("Fill the form", () => refill(this.entry), {
        title: "Put these words and settings back into the form",
      }),
      this.shows,
      button("Save", () => this.save(), { title: "Download the file, with its origin" }),
    );
    this.omissions = make("p", "mt-studio-hint mt-studio-omissions", { role: "status" });
    const words = make("div", "mt-studio-words", {}, this.caption, this.omissions, this.facts);
    this.foot = make("div", "mt-studio-foot", {}, words, tools);
    this.foot.hidden = true;
    this.element = make("section", "mt-studio-stage", { "aria-label": "Result" });
    this.element.append(this.frame, this.foot, this.panel);
    this.empty();
  }

  empty() {
    const text = "What you make appears here.";
    this.frame.replaceChildren(make("p", "mt-studio-empty", {}, text));
  }

  show(number, entry) {
    this.number = number;
    this.entry = entry;
    this.caption.textContent = entry.prompt;
    this.caption.title = entry.prompt;
    this.facts.replaceChildren(...entry.facts.flatMap((fact) => [make("span", "", {}, fact), " "]));
    this.omissions.textContent = entry.omissions;
    this.code.textContent = entry.code;
    this.told.textContent = "";
    this.shows.hidden = !entry.code;
    this.foot.hidden = false;
    if (this.files.has(number)) this.fill();
    else this.fetch(number);
  }

  hear({ gave }, buffers, entry) {
    this.files.set(gave, this.addresses.of(buffers, entry.type));
    if (gave === this.number) this.fill();
  }

  /** A picture as it is so far. */
  showPartial(buffers, type) {
    const piece = make("img", "mt-studio-image mt-studio-partial", { alt: "" });
    piece.src = this.addresses.of(buffers, type);
    this.frame.replaceChildren(piece);
    this.describe(false);
  }

  /** Show or hide the words and buttons of the piece that was shown last; its place stays. */
  describe(isShown) {
    for (const part of [this.foot, this.panel]) part.style.visibility = isShown ? "" : "hidden";
  }

  /** After a job that ended without a result: what was there before. */
  restore() {
    if (this.files.has(this.number)) this.fill();
    else if (this.number < 0) this.empty();
  }

  fill() {
    const { kind, prompt } = this.entry;
    const tag = { image: "img", speech: "audio", video: "video" }[kind];
    const piece = make(tag, `mt-studio-${kind}`);
    if (kind === "image") piece.alt = prompt;
    else {
      piece.controls = true;
      piece.setAttribute("aria-label", prompt);
    }
    if (kind === "video") addCaptions(piece, this.entry.captions);
    piece.src = this.files.get(this.number);
    const quote = kind === "speech" ? [make("blockquote", "mt-studio-said", {}, prompt)] : [];
    this.frame.replaceChildren(...quote, piece);
    this.describe(true);
  }

  toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.below.hidden = !cellOf(this.element);
    this.shows.textContent = this.panel.hidden ? "Show code" : "Hide code";
    this.shows.setAttribute("aria-expanded", String(!this.panel.hidden));
  }

  async putBelow() {
    this.told.textContent = await recall(this.entry.code, cellOf(this.element));
  }

  async copy() {
    const copied = await copy(this.entry.code);
    this.told.textContent = copied ? "Copied." : "This page may not copy; mark the code instead.";
    this.copied.focus();
  }

  save() {
    const href = this.files.get(this.number);
    if (href) make("a", "", { href, download: this.entry.file }).click();
  }
}
