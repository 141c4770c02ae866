// Buttons in what the notebook has shown: revealed while their kernel lives, and their clicks sent.
// Panels are mounted where HTML stands for them.

import { cellOf, recall } from "./recall.js";
import { Mounts } from "./mounts.js";
import { Download, saveFile } from "./download.js";
import { Viewer } from "./viewer.js";
import { KERNEL_ENDED, PAGE, sharedInPage, toast, whenGone } from "./page.js";

const QUIET = 4000; // milliseconds without a word from the kernel until somebody is told
const LIT = sharedInPage("controls", () => new Map()); // kernel -> its models here
const OWNERS = sharedInPage("owners", () => new WeakMap()); // button -> who answers its click
const BUTTONS = document.getElementsByClassName("mt-button"); // follows the page

/** What one kernel has in this page: buttons in plain outputs, and mounted panels. */
class Buttons {
  #waiting = new Map(); // token -> timer and button
  #pressed = null;
  #known = new Set();
  #observer = new MutationObserver(() => this.#look());

  constructor(model) {
    this.model = model;
    this.kernel = model.get("kernel");
    const leave = (token) => model.send({ left: token });
    this.mounts = new Mounts(model, (element) => this.#shows(element), leave);
  }

  reveal() {
    const { model } = this;
    LIT.set(this.kernel, [...(LIT.get(this.kernel) ?? []), this]);
    document.addEventListener("click", this.#click);
    model.on("msg:custom", this.#hear);
    model.on("change:known", this.#learn);
    model.on("change:mounts", this.#learn);
    // A tab is named a moment after it is there.
    const what = { childList: true, subtree: true, attributeFilter: ["title"] };
    this.#observer.observe(document.body, what);
    whenGone(model, () => this.hide(KERNEL_ENDED));
    // In VS Code no script can reach the HTML of outputs.
    if (!document.body.dataset.vscodeThemeKind) model.send({ page: "here" });
    this.#learn();
  }

  hide = (word) => {
    const { model } = this;
    this.#observer.disconnect();
    document.removeEventListener("click", this.#click);
    model.off("msg:custom", this.#hear);
    model.off("change:known", this.#learn);
    model.off("change:mounts", this.#learn);
    const others = (LIT.get(this.kernel) ?? []).filter((other) => other !== this);
    if (others.length) LIT.set(this.kernel, others);
    else LIT.delete(this.kernel);
    for (const token of this.#waiting.keys()) this.#took(token);
    this.#known.clear();
    this.#look();
    this.mounts.end(word);
  };

  #learn = () => {
    this.#known = new Set(this.model.get("known"));
    this.#look();
  };

  /** Reveal what has come into the page. */
  #look() {
    for (const element of BUTTONS) {
      const isOurs = this.#known.has(element.dataset.mtAct) && this.#shows(element);
      if (isOurs) OWNERS.set(element, this);
      else if (OWNERS.get(element) === this) OWNERS.delete(element);
      element.classList.toggle("mt-live", OWNERS.has(element));
    }
    this.mounts.look();
  }

  /** Whether *element* is in this kernel's notebook; another in the page may show the same media. */
  #shows(element) {
    const panel = element.closest(".jp-NotebookPanel");
    if (!panel) return LIT.get(this.kernel)?.at(-1) === this; // a console may look on, too
    const context = this.model.widget_manager?.context;
    if (!context) return false;
    if (document.getElementsByClassName("jp-NotebookPanel").length === 1) return true;
    const tab = document.querySelector(`.lm-TabBar-tab[data-id="${CSS.escape(panel.id)}"]`);
    // Name, path and more, a line each, in any language.
    const path = tab?.title.split("\n")[1]?.replace(/^.*?: /, "");
    return path === (context.localPath ?? context.path);
  }

  #click = (event) => {
    const pressed = event.target.closest?.(".mt-button");
    if (!pressed || OWNERS.get(pressed) !== this) return;
    if (event.detail > 1) return; // a double click is one, also where it has drawn new buttons
    const token = pressed.dataset.mtAct;
    if (this.#waiting.get(token)?.timer) return;
    pressed.setAttribute("aria-busy", "true");
    const word = "The kernel is busy; it does this as soon as it is free.";
    const timer = setTimeout(() => toast(word, pressed, "status"), QUIET);
    this.#waiting.set(token, { timer, pressed });
    this.#pressed = pressed;
    this.#ask(token);
  };

  #ask = (token) => this.#send({ act: token });

  #send = (message) => this.model.send({ ...message, page: PAGE });

  #took(token) {
    const { timer, pressed } = this.#waiting.get(token) ?? {};
    clearTimeout(timer);
    pressed?.removeAttribute("aria-busy");
    this.#waiting.delete(token);
  }

  #hear = (message, buffers) => {
    if (message.page && message.page !== PAGE) return;
    const near = this.#near(message.near);
    if (message.took) this.#took(message.took);
    if (message.say) toast(message.say, near);
    if (message.note) toast(message.note, near, "status");
    const ways = { ask: this.#ask, send: this.#send, button: near };
    if (message.view) Viewer.open(message.view, buffers, ways);
    if (message.file) saveFile(message.file, this.#ask, near);
    if (message.piece) Download.receive(message.piece, buffers);
    if (message.recall) this.#recall(message.recall, near);
  };

  async #recall(code, near) {
    const message = await recall(code, cellOf(near));
    if (message) toast(message, near, "status");
  }

  #near(token) {
    if (this.#pressed?.isConnected && this.#pressed.dataset.mtAct === token) return this.#pressed;
    const isNear = (each) => each.dataset.mtAct === token && OWNERS.get(each) === this;
    return [...BUTTONS].find(isNear) ?? null;
  }
}

export default {
  initialize({ model }) {
    const buttons = new Buttons(model);
    buttons.reveal();
    return buttons.hide;
  },
};
