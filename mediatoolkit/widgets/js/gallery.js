// A gallery as a person sees it. Python knows the media, the filter and the order.

import { comparison } from "./comparing.js";
import { NOUNS, Shelf, Tile } from "./tiles.js";
import { PAGE, button, endWithKernel, keepKeys, make, say, toast } from "./page.js";

const TYPING = 200; // milliseconds without a key after which a word is looked for
const SORTS = {
  given: "As given",
  newest: "Newest",
  oldest: "Oldest",
  prompt: "Prompt",
  model: "Model",
  size: "Largest",
};

function labelled(name, field) {
  const label = make("label", "mt-gallery-field");
  field.setAttribute("aria-label", name); // the text of a label would take in all choices
  label.append(make("span", "", {}, name), field);
  return label;
}

/** Such as `2,000 pictures` or `1 picture`. */
function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Ask in a dialog, and call *act* when the answer is the button *word*. */
function confirm(question, word, act) {
  const keep = button("Keep", () => dialog.close());
  const yes = button(word, () => {
    dialog.close();
    act();
  });
  const row = make("div", "mt-ask-buttons", {}, keep, yes);
  const dialog = openDialog("mt-ask", question, make("p", "", {}, question), row);
  keep.focus();
}

/** A dialog that is gone when it is closed. */
function openDialog(className, name, ...children) {
  const dialog = make("dialog", `mt-widget ${className}`, { "aria-label": name }, ...children);
  keepKeys(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Two pictures of a gallery, in a dialog. */
function openComparison({ compare, types }, buffers) {
  const { root, show, end } = comparison(compare);
  const close = button("×", () => dialog.close(), { "aria-label": "Close" });
  const dialog = openDialog("mt-ask mt-ask-wide", "Comparison", close, root);
  dialog.addEventListener("close", end);
  show(types, buffers);
}

/** A list of choices over one trait. */
function chooser(model, trait, name, choices) {
  const field = make("select", "mt-gallery-choice");
  const write = () => {
    const options = choices().map(([value, text]) => make("option", "", { value }, text));
    field.replaceChildren(...options);
    field.value = model.get(trait);
  };
  field.addEventListener("change", () => {
    model.set(trait, field.value);
    model.save_changes();
  });
  write();
  return { label: labelled(name, field), write };
}

class View {
  #tiles = new Map();
  #shown = [];
  #chosen = new Set();
  #current = null; // the one that Tab reaches
  #anchor = null; // where a range begins
  #opened = null; // the one that the viewer began with
  #eye = new IntersectionObserver((seen) => this.#look(seen), { rootMargin: "240px 0px" });
  #typing = 0;
  #ends = new AbortController();

  constructor(model, shelf, el) {
    this.model = model;
    this.shelf = shelf;
    this.root = make("section", "mt-widget mt-gallery", { "aria-label": "Gallery" });
    this.grid = make("div", "mt-gallery-grid", {
      role: "listbox",
      "aria-multiselectable": "true",
      "aria-label": "Media",
    });
    this.status = make("span", "mt-gallery-status", { role: "status", "aria-live": "polite" });
    this.empty = make("p", "mt-gallery-empty");
    this.#build();
    keepKeys(this.root);
    el.append(this.root);
    this.#listen();
    this.draw();
  }

  end() {
    this.#ends.abort();
    clearTimeout(this.#typing);
    this.#eye.disconnect();
    for (const [id, tile] of this.#tiles) this.#forget(id, tile);
  }

  /** Show what the filter keeps; tiles that stay are moved, not made again. */
  draw() {
    const hadFocus = this.grid.contains(document.activeElement);
    this.#shown = this.model.get("shown");
    this.shelf.learn(this.#shown);
    const shown = new Set(this.#shown);
    for (const [id, tile] of this.#tiles) if (!shown.has(id)) this.#forget(id, tile);
    this.grid.replaceChildren(...this.#shown.map((id, at) => this.#tileAt(id, at)));
    this.grid.hidden = !this.#shown.length;
    if (!shown.has(this.#current)) this.#current = this.#shown[0] ?? null;
    this.#point(this.#current);
    if (hadFocus) this.#focus();
    this.paint();
  }

  /** Show what is selected, and say how much. */
  paint() {
    this.#chosen = new Set(this.model.get("chosen"));
    let selected = 0;
    for (const id of this.#shown) {
      const isSelected = this.#chosen.has(id);
      selected += isSelected;
      this.#tiles.get(id).select(isSelected);
    }
    const total = this.model.get("total");
    const shown = this.#shown.length;
    const note = this.model.get("note");
    const words = [
      (shown === total ? "" : `${shown.toLocaleString("en")} of `) + counted(total, "piece"),
      selected ? `${selected.toLocaleString("en")} selected` : "",
      shown ? note : "",
    ];
    say(this.status, total < 0 ? note || "Looking…" : words.filter(Boolean).join(" · "));
    this.openButton.disabled = !shown;
    const hadFocus = this.tools.contains(document.activeElement);
    this.tools.hidden = !selected;
    this.compareButton.hidden = !this.#comparable();
    if (hadFocus && !document.activeElement.checkVisibility()) this.#focus();
    this.empty.hidden = shown > 0 || total < 0;
    this.showAll.hidden = total === 0;
    say(this.emptyWords, total ? "Nothing matches." : note);
  }

  #build() {
    const { model } = this;
    this.word = make("input", "mt-gallery-word", { type: "search", placeholder: "any" });
    this.word.value = model.get("word");
    this.word.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#set({ word: this.word.value }), TYPING);
    });
    this.models = chooser(model, "model", "Model", () => {
      const names = new Set([...model.get("models"), model.get("model")]);
      return [["", "any"], ...[...names].filter(Boolean).map((name) => [name, name])];
    });
    this.kinds = chooser(model, "kind", "Kind", () => [
      ["", "any"],
      ...Object.entries(NOUNS).map(([kind, noun]) => [kind, `${noun}s`]),
    ]);
    this.sorts = chooser(model, "sort", "Order", () =>
      Object.entries(SORTS).filter(([sort]) => sort !== "given" || model.get("is_list")),
    );
    const bar = make("div", "mt-gallery-bar", { role: "group", "aria-label": "Filter and order" });
    bar.append(labelled("Words", this.word), this.models.label, this.kinds.label, this.sorts.label);
    this.openButton = button("Open", () => this.#open());
    this.compareButton = button("Compare", () => this.#ask("compare", this.#selected()));
    this.tools = make("div", "mt-gallery-tools", { role: "group", "aria-label": "Selection" });
    this.tools.append(
      button("Clear", () => this.#choose([]), { "aria-label": "Clear selection" }),
      button("Save", () => this.#ask("save", this.#selected())),
      this.compareButton,
    );
    const foot = make("div", "mt-gallery-foot", {}, this.status);
    if (!model.get("is_list")) {
      this.tools.append(button("Delete", () => this.#delete()));
      foot.append(button("Refresh", () => model.send({ refresh: true })));
    }
    foot.append(this.tools, this.openButton);
    this.emptyWords = make("span");
    this.showAll = button("Show all", () => this.#set({ word: "", model: "", kind: "" }));
    this.empty.append(this.emptyWords, this.showAll);
    this.root.append(bar, this.grid, this.empty, foot);
  }

  #listen() {
    const { signal } = this.#ends;
    const heard = {
      "change:shown": () => this.draw(),
      "change:chosen change:total change:note": () => this.paint(),
      "change:models change:model": () => this.models.write(),
      "change:kind": () => this.kinds.write(),
      "change:sort": () => this.sorts.write(),
      "change:word": () => {
        if (document.activeElement !== this.word) this.word.value = this.model.get("word");
      },
      "change:stale": () => {
        if (this.model.get("stale")) this.model.send({ refresh: true });
      },
    };
    for (const [names, act] of Object.entries(heard)) {
      this.model.on(names, act);
      signal.addEventListener("abort", () => this.model.off(names, act));
    }
    const news = ({ detail }) => {
      for (const id of detail) this.#write(id);
      if (this.#chosen.size) this.paint(); // only now it is known what can be compared
    };
    this.shelf.addEventListener("news", news, { signal });
    this.grid.addEventListener("keydown", (event) => this.#press(event));
    this.grid.addEventListener("click", (event) => this.#click(event));
    this.grid.addEventListener("dblclick", () => this.#open());
    this.root.addEventListener("mt-viewed", ({ detail }) => this.#leave(detail));
    if (this.model.get("stale")) this.model.send({ refresh: true });
  }

  #tileAt(id, at) {
    let tile = this.#tiles.get(id);
    if (!tile) {
      tile = new Tile(id);
      this.#tiles.set(id, tile);
      this.#write(id);
      this.#eye.observe(tile.element);
    }
    tile.element.setAttribute("aria-posinset", at + 1);
    tile.element.setAttribute("aria-setsize", this.#shown.length);
    return tile.element;
  }

  #write(id) {
    this.#tiles.get(id)?.write(this.shelf.rows.get(id), this.shelf.thumbs.get(id));
  }

  #forget(id, tile) {
    this.#eye.unobserve(tile.element);
    if (tile.seen) this.shelf.leave(id);
    this.#tiles.delete(id);
  }

  #look(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = Number(target.dataset.id);
      const tile = this.#tiles.get(id);
      if (!tile || tile.seen === isIntersecting) continue;
      tile.seen = isIntersecting;
      this.#write(id);
      if (isIntersecting) this.shelf.see(id);
      else this.shelf.leave(id);
    }
  }

  #set(values) {
    for (const [trait, value] of Object.entries(values)) this.model.set(trait, value);
    if (values.word === "") this.word.value = "";
    this.model.save_changes();
  }

  #choose(ids) {
    this.#set({ chosen: [...ids] });
    this.paint();
  }

  /** Make *id* the one that Tab reaches. */
  #point(id) {
    for (const each of this.grid.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
    const tile = this.#tiles.get(id);
    if (tile) tile.element.tabIndex = 0;
    this.#current = id;
  }

  #go(at) {
    const id = this.#shown[Math.max(0, Math.min(this.#shown.length - 1, at))];
    this.#point(id);
    this.#tiles.get(id).element.focus({ preventScroll: true });
    this.#tiles.get(id).element.scrollIntoView({ block: "nearest" });
    return id;
  }

  #range(to) {
    const ends = [this.#shown.indexOf(this.#anchor ?? to), this.#shown.indexOf(to)];
    const [first, last] = [Math.max(0, Math.min(...ends)), Math.max(...ends)];
    return this.#shown.slice(first, last + 1);
  }

  #toggle(id) {
    const chosen = new Set(this.#chosen);
    if (!chosen.delete(id)) chosen.add(id);
    this.#anchor = id;
    this.#choose(chosen);
  }

  /** Numbers of what is selected, in the order shown. */
  #selected() {
    return this.#shown.filter((id) => this.#chosen.has(id));
  }

  #ask(what, ids) {
    this.model.send({ do: what, ids, page: PAGE });
  }

  #open() {
    const selected = this.#selected();
    const id = selected.includes(this.#current) || !selected.length ? this.#current : selected[0];
    if (id !== null) this.#view(id);
  }

  #view(id) {
    this.#opened = id;
    this.#ask("open", [id]);
  }

  /** Go on from the piece that was seen last, *steps* after the one that was opened. */
  #leave(steps) {
    const at = this.#shown.indexOf(this.#opened);
    if (steps && at >= 0) this.#anchor = this.#go(at + steps);
  }

  /** Whether exactly two pictures are selected. */
  #comparable() {
    const selected = this.#selected();
    return (
      selected.length === 2 && selected.every((id) => this.shelf.rows.get(id)?.kind === "image")
    );
  }

  #delete() {
    const ids = this.#selected();
    if (!ids.length || this.model.get("is_list")) return;
    const question = `Delete ${counted(ids.length, "file")} from the folder, for good?`;
    confirm(question, "Delete", () => this.#ask("delete", ids));
  }

  #focus() {
    this.#tiles.get(this.#current)?.element.focus({ preventScroll: true });
  }

  #click(event) {
    const element = event.target.closest(".mt-tile");
    if (!element) return;
    const id = Number(element.dataset.id);
    this.#go(this.#shown.indexOf(id));
    if (event.shiftKey) this.#choose(this.#range(id));
    else if (event.ctrlKey || event.metaKey) this.#toggle(id);
    else {
      this.#anchor = id;
      this.#choose([id]);
    }
  }

  #press(event) {
    const at = this.#shown.indexOf(this.#current);
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const page = columns * Math.max(1, Math.floor(this.grid.clientHeight / 200));
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      PageDown: page,
      PageUp: -page,
      Home: -this.#shown.length,
      End: this.#shown.length,
    };
    if (event.key in steps) {
      this.#anchor ??= this.#current;
      const id = this.#go(at + steps[event.key]);
      if (event.shiftKey) this.#choose(this.#range(id));
      else this.#anchor = id;
    } else if (event.key === " ") this.#toggle(this.#current);
    else if (event.key === "Enter") this.#view(this.#current);
    else if (event.key === "Delete") this.#delete();
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.#choose(this.#shown);
    else if (event.key === "Escape" && this.#chosen.size) this.#choose([]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Called once a gallery. */
export default () => {
  let shelf;
  return {
    initialize: ({ model }) => {
      shelf = new Shelf(model);
      const hear = (news, buffers) => {
        if (news.compare && news.page === PAGE) openComparison(news, buffers);
        else if (news.said) toast(news.said, null, news.ok ? "status" : "alert");
        else shelf.hear(news, buffers);
      };
      model.on("msg:custom", hear);
      return () => {
        model.off("msg:custom", hear);
        shelf.close();
      };
    },
    render: ({ model, el }) => {
      const view = new View(model, shelf, el);
      const away = endWithKernel(model, view.root);
      return () => {
        away();
        view.end();
      };
    },
  };
};
