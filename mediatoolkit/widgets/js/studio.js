// All parts together: three forms behind tabs, one stage, one clock, one history.

import { button, endWithKernel, make } from "./page.js";
import { JobClock } from "./job_clock.js";
import { Form, KINDS } from "./form.js";
import { Addresses, newId } from "./form_parts.js";
import { Pictures } from "./form_pictures.js";
import { Result } from "./result.js";
import { History } from "./history.js";

const WORDS_ALONE = "This model starts from words alone; choose one that takes pictures.";

function tabs(forms, choose) {
  const list = make("div", "mt-studio-tabs", { role: "tablist", "aria-label": "What to make" });
  for (const { kind, element } of forms) {
    const tab = button(KINDS[kind].tab, () => choose(kind), {
      className: "mt-studio-tab",
      role: "tab",
      id: newId(),
      "aria-controls": element.id,
    });
    tab.dataset.kind = kind;
    element.setAttribute("aria-labelledby", tab.id);
    list.append(tab);
  }
  list.addEventListener("keydown", (event) => {
    const all = [...list.children];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const place = all.indexOf(document.activeElement);
    const to = { Home: 0, End: all.length - 1 }[event.key] ?? place + step;
    if (Number.isNaN(to)) return;
    event.preventDefault();
    const next = all.at(to % all.length);
    choose(next.dataset.kind);
    next.focus();
  });
  return list;
}

function render({ model, el }) {
  const addresses = new Addresses();
  const forms = Object.keys(KINDS).map(
    (kind) => new Form(kind, new Pictures(model, addresses), () => note()),
  );
  const clock = new JobClock();
  const fetch = (number, whole) => model.send({ do: "fetch", number, whole });
  const see = (number) => {
    model.set("seen", number);
    model.save_changes();
  };
  const stage = new Result(addresses, { fetch: (number) => fetch(number, true), refill });
  const strip = new History(addresses, { fetch: (number) => fetch(number, false), see });
  const go = button("Generate", generate, {
    className: "mt-studio-go",
    title: "Ctrl+Enter",
  });
  const stop = button("Cancel", cancel, { title: "Esc" });
  const price = make("span", "mt-studio-hint mt-studio-price");
  const keep = make("input", "", { type: "checkbox" });
  const keeping = make("label", "mt-studio-keep", {}, keep, "Keep and reuse results");
  const list = tabs(forms, open);
  let current = forms[0];

  const asking = make(
    "div",
    "mt-studio-asking",
    {},
    ...forms.map(({ element }) => element),
    keeping,
    make("div", "mt-studio-actions", {}, go, stop, price),
    clock.root,
  );
  const seeing = make("div", "mt-studio-seeing", {}, stage.element, strip.element);
  const body = make("div", "mt-studio-body", {}, asking, seeing);
  const root = make("div", "mt-widget mt-studio", {
    role: "group",
    "aria-label": "Studio",
    "data-lm-suppress-shortcuts": "true", // JupyterLab would take Ctrl+Enter, Esc and letters
  });
  root.append(list, body);
  el.append(root);

  function open(kind) {
    current = forms.find((form) => form.kind === kind) ?? current;
    for (const form of forms) form.element.hidden = form !== current;
    for (const tab of list.children) {
      const chosen = tab.dataset.kind === current.kind;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    note();
  }

  /** Leave the form's words with the kernel, for a page that is loaded anew. */
  function note() {
    const read = Object.fromEntries(forms.map((form) => [form.kind, form.read()]));
    model.set("draft", { open: current.kind, cache: keep.checked, ...read });
    model.save_changes();
  }

  function generate() {
    if (!clock.runs) model.send({ do: "generate", ...current.read(), cache: keep.checked });
  }

  function cancel() {
    if (!clock.runs) return;
    clock.stopping();
    model.send({ do: "cancel" });
  }

  function refill({ kind, prompt, settings, seed }) {
    const form = forms.find((each) => each.kind === kind);
    form.load({ prompt, settings: { ...settings, seed: seed === null ? "" : String(seed) } });
    open(kind);
    form.prompt.focus();
  }

  function showOffers() {
    for (const form of forms) form.update(model.get("offers")[form.kind]);
  }

  function showPrice() {
    const { words = "", basis = "" } = model.get("price");
    price.textContent = words;
    price.title = basis;
  }

  function showMade() {
    const [entries, seen] = [model.get("entries"), model.get("seen")];
    strip.update(entries, seen);
    if (entries[seen] && stage.number !== seen) stage.show(seen, entries[seen]);
  }

  function learnSeed() {
    const { kind, seed } = model.get("entries").at(-1) ?? {};
    const form = forms.find((each) => each.kind === kind);
    if (form && !form.seed.keep.checked) form.showSeed(seed);
  }

  function showJob() {
    const ran = clock.runs;
    clock.update(model.get("running"), model.get("now"));
    if (ran && ["failed", "cancelled"].includes(clock.row.state)) stage.restore();
    go.setAttribute("aria-disabled", String(clock.runs)); // stays in reach: focus is not lost
    stop.setAttribute("aria-disabled", String(!clock.runs));
  }

  function hear(news, buffers) {
    if (news.partial) {
      if (clock.runs) stage.showPartial(buffers, news.partial);
    } else if (news.gave === undefined)
      for (const { pictures } of forms) pictures.hear(news, buffers);
    else if (news.whole) stage.hear(news, buffers, model.get("entries")[news.gave]);
    else strip.hear(news, buffers);
  }

  function takeFiles(event, files) {
    if (!files?.length) return;
    event.preventDefault();
    event.stopPropagation();
    if (!current.pictures.element.hidden) current.pictures.add(files);
    else clock.fail({ kind: "No pictures.", message: WORDS_ALONE, facts: {} });
  }

  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      generate();
    } else if (event.key === "Escape") cancel();
    event.stopPropagation();
  });
  root.addEventListener("paste", (event) => takeFiles(event, event.clipboardData?.files));
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => takeFiles(event, event.dataTransfer?.files));
  root.addEventListener("focusin", ({ relatedTarget }) => {
    if (!root.contains(relatedTarget)) model.send({ do: "offers" }); // a key may have been set
  });

  keep.addEventListener("change", note);

  const heard = {
    "change:price": showPrice,
    "change:offers": showOffers,
    "change:entries": () => {
      showMade();
      learnSeed();
    },
    "change:seen": showMade,
    "change:running": showJob,
    "change:now": showJob,
    "msg:custom": hear,
  };
  const draft = model.get("draft");
  keep.checked = draft.cache ?? model.get("is_cached");
  for (const form of forms) form.load(draft[form.kind] ?? {});
  showOffers();
  for (const [name, listen] of Object.entries(heard)) model.on(name, listen);
  open(draft.open ?? current.kind);
  showPrice();
  showMade();
  showJob();
  const away = endWithKernel(model, root, () => clock.update({}, Date.now()));
  return () => {
    away();
    for (const [name, listen] of Object.entries(heard)) model.off(name, listen);
    clock.end();
    addresses.end();
  };
}

export default { render };
