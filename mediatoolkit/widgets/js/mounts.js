// Live panels in the place of the HTML by which a saved notebook shows them.

import { make } from "./page.js";

const AWAY = 10000; // milliseconds that a mount may be out of the page, as a scrolled cell is
const MOUNTS = document.getElementsByClassName("mt-mount"); // follows the page
const STYLED = "jp-RenderedHTMLCommon"; // gives HTML the looks of a text, which a panel does not want

/** The panels of one kernel in this page. */
export class Mounts {
  #mounted = new Map(); // element of the page -> what is mounted there

  /** Fill only those elements for which *isOurs* says yes; *leave* is told whose panel was left. */
  constructor(model, isOurs, leave) {
    this.model = model;
    this.isOurs = isOurs;
    this.leave = leave;
  }

  /** Mount what has come into the page, and let go of what has left it. */
  look() {
    const models = this.model.get("mounts");
    for (const [element, panel] of this.#mounted) {
      if (!(panel.token in models)) this.#restore(element, panel);
      else if (!element.isConnected) panel.away ??= setTimeout(() => this.#miss(element), AWAY);
    }
    for (const element of MOUNTS) {
      const token = element.dataset.mtMount;
      if (token in models && !this.#mounted.has(element) && this.isOurs(element)) {
        this.#fill(element, token, models[token]);
      }
    }
  }

  /** Show the HTML again, below *word* where there is one. */
  end(word) {
    for (const [element, panel] of this.#mounted) {
      this.#restore(element, panel);
      if (word) element.prepend(make("div", "", { role: "status" }, word));
    }
  }

  async #fill(element, token, id) {
    const panel = this.#moved(token) ?? { token };
    panel.html = [...element.childNodes];
    this.#mounted.set(element, panel);
    if (!panel.view) {
      try {
        const manager = this.model.widget_manager;
        panel.view = await manager.create_view(await manager.get_model(id));
      } catch {
        return; // the HTML stays
      }
      if (this.#mounted.get(element) !== panel) return panel.view.remove();
      this.#watch(panel);
    }
    panel.host = element.closest(`.${STYLED}`);
    panel.host?.classList.remove(STYLED);
    if (panel.host) element.previousElementSibling?.classList.add(STYLED); // the results above it
    element.replaceChildren(panel.view.el);
    panel.focus?.focus({ preventScroll: true });
    for (const [part, top] of panel.scrolled) part.scrollTop = top;
  }

  /** The panel of an element whose output was written anew. */
  #moved(token) {
    for (const [element, panel] of this.#mounted) {
      if (panel.token !== token || element.isConnected || !panel.view) continue;
      clearTimeout(panel.away);
      panel.away = undefined;
      this.#mounted.delete(element);
      return panel;
    }
    return null;
  }

  #watch(panel) {
    const { el } = panel.view;
    panel.scrolled = new Map(); // moved, a part begins at its top again
    const scroll = ({ target }) => panel.scrolled.set(target, target.scrollTop);
    el.addEventListener("scroll", scroll, { capture: true, passive: true });
    el.addEventListener("focusin", ({ target }) => {
      panel.focus = target;
    });
    el.addEventListener("focusout", ({ relatedTarget }) => {
      if (el.contains(relatedTarget)) return;
      // Later, since the output may be written anew right now, and then the focus comes back.
      setTimeout(() => {
        if (el.contains(document.activeElement)) return;
        panel.focus = null;
        this.leave(panel.token);
      });
    });
  }

  #miss(element) {
    const panel = this.#mounted.get(element);
    if (!panel) return;
    panel.away = undefined;
    if (!element.isConnected) this.#restore(element, panel);
  }

  #restore(element, panel) {
    clearTimeout(panel.away);
    this.#mounted.delete(element);
    if (!panel.view) return;
    panel.host?.classList.add(STYLED);
    element.previousElementSibling?.classList.remove(STYLED);
    element.replaceChildren(...panel.html);
    panel.view.remove();
  }
}
