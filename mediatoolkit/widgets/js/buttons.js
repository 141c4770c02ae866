// Buttons in what the notebook has shown: revealed while their kernel lives, and their clicks sent.

import { cellOf, recall } from "./recall.js";
import { Viewer } from "./viewer.js";
import { toast, whenGone } from "./page.js";

const QUIET = 4000; // milliseconds without a word from the kernel until somebody is told
const PAGE = sharedInPage("page", () => Math.random().toString(36).slice(2));
const LIT = sharedInPage("controls", () => new Map()); // kernel -> its models here

/** What every copy of this script in one page finds under *name*; the first makes it. */
function sharedInPage(name, first) {
  const key = Symbol.for(`mediatoolkit.${name}`);
  window[key] ??= first();
  return window[key];
}

/** The buttons of one kernel in this page. */
class Buttons {
  #waiting = new Map(); // token -> timer and button
  #pressed = null;
  #rule = document.createElement("style");

  constructor(model) {
    this.model = model;
    this.kernel = model.get("kernel");
    this.selector = `button[data-mt-kernel="${CSS.escape(this.kernel)}"]`;
    this.#rule.textContent = `${this.selector} { display: inline-flex !important; }`;
  }

  reveal() {
    const { model } = this;
    LIT.set(this.kernel, [...(LIT.get(this.kernel) ?? []), this]);
    document.head.append(this.#rule);
    document.addEventListener("click", this.#click);
    model.on("msg:custom", this.#hear);
    whenGone(model, () => this.hide());
  }

  hide = () => {
    this.#rule.remove();
    document.removeEventListener("click", this.#click);
    this.model.off("msg:custom", this.#hear);
    const others = (LIT.get(this.kernel) ?? []).filter((other) => other !== this);
    if (others.length) LIT.set(this.kernel, others);
    else LIT.delete(this.kernel);
    for (const token of this.#waiting.keys()) this.#took(token);
  };

  #click = (event) => {
    const pressed = event.target.closest?.(this.selector);
    if (!pressed || LIT.get(this.kernel)?.at(-1) !== this) return; // a console may look on, too
    const token = pressed.dataset.mtAct;
    if (this.#waiting.get(token)?.timer) return;
    pressed.setAttribute("aria-busy", "true");
    const word = "The kernel is busy; it does this as soon as it is free.";
    const timer = setTimeout(() => toast(word, pressed, "status"), QUIET);
    this.#waiting.set(token, { timer, pressed });
    this.#pressed = pressed;
    this.#ask(token);
  };

  #ask = (token) => this.model.send({ act: token, page: PAGE });

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
    if (message.view) Viewer.open(message.view, buffers, { ask: this.#ask, button: near });
    if (message.piece) Viewer.receive(message.piece, buffers);
    if (message.recall) this.#recall(message.recall, near);
  };

  async #recall(code, near) {
    const message = await recall(code, cellOf(near));
    if (message) toast(message, near, "status");
  }

  #near(token) {
    if (this.#pressed?.isConnected && this.#pressed.dataset.mtAct === token) return this.#pressed;
    return token && document.querySelector(`${this.selector}[data-mt-act="${CSS.escape(token)}"]`);
  }
}

export default {
  initialize({ model }) {
    const buttons = new Buttons(model);
    buttons.reveal();
    return buttons.hide;
  },
};
