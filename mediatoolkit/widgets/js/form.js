// What is asked: only what the chosen model takes.

import { make } from "./page.js";
import { choose, field, newId } from "./form_parts.js";

export const KINDS = {
  image: { tab: "Picture", asks: "What to see", such: "a red fox under the stars, ink on paper" },
  speech: { tab: "Voice", asks: "What to say", such: "Once upon a time a red fox looked up." },
  video: { tab: "Film", asks: "What happens", such: "the fox looks up; snow begins to fall" },
};
const CHOICES = {
  size: "Size",
  aspect: "Shape",
  voice: "Voice",
  resolution: "Resolution",
  seconds: "Seconds",
};
const ENTRIES = {
  style: { label: "Style", placeholder: "cheerful" },
  language: { label: "Language", placeholder: "by the text" },
  speed: { label: "Speed", type: "number", min: 0.25, max: 4, step: 0.05, placeholder: "1" },
  seconds: { label: "Seconds", type: "number", min: 1, max: 600, step: 0.5, placeholder: "Auto" },
  timeout: { label: "Time limit, s", type: "number", min: 1, step: 1, placeholder: "Auto" },
  narration: { label: "Narration", placeholder: "spoken aloud" },
};

export class Form {
  values = {};

  constructor(kind, pictures, changed) {
    this.kind = kind;
    this.pictures = pictures;
    this.offers = [];
    this.prompt = make("textarea", "mt-studio-prompt", { rows: "4", spellcheck: "true" });
    this.prompt.placeholder = KINDS[kind].such;
    this.model = make("select", "mt-studio-control");
    this.closed = make("details", "mt-studio-hint");
    this.fields = make("div", "mt-studio-fields");
    this.seed = this.seedField();
    this.element = make("div", "mt-studio-form", {
      role: "tabpanel",
      id: newId(),
    });
    this.element.append(
      field(KINDS[kind].asks, this.prompt),
      make("div", "mt-studio-field", {}, field("Model", this.model), this.closed),
      this.fields,
      pictures.element,
    );
    this.model.addEventListener("change", () => {
      this.shape();
      changed();
    });
    this.element.addEventListener("input", (event) => {
      const { name, value } = event.target;
      if (name) this.values[name] = value;
      changed();
    });
    pictures.changed = changed;
  }

  /** The number that makes a picture again; typing one keeps it. */
  seedField() {
    const number = make("input", "mt-studio-control", { inputmode: "numeric", name: "seed" });
    number.placeholder = "Random";
    const keep = make("input", "", { type: "checkbox", name: "" });
    const label = make("label", "mt-studio-keep", { title: "Use this seed again" }, keep, "Keep");
    const whole = field("Seed", number);
    const named = make("div", "mt-studio-seed", {}, whole.firstChild, label);
    number.addEventListener("input", () => {
      keep.checked = number.value.trim() !== "";
    });
    whole.prepend(named);
    return { number, keep, whole };
  }

  offer() {
    return this.offers.find(({ model }) => model === this.model.value);
  }

  /** Show what can be chosen now; what was chosen stays. */
  update(offers) {
    const before = this.model.value || this.values.model;
    const names = [...new Set(offers.map(vendorOf))];
    const vendors = names.map((name) => [name, offers.filter((each) => vendorOf(each) === name)]);
    this.offers = offers;
    this.model.replaceChildren(...vendors.map(([vendor, those]) => group(vendor, those)));
    const closed = vendors.filter(([, those]) => those.every(({ reason }) => reason));
    this.closed.replaceChildren(
      make("summary", "", {}, `What the other vendors need (${closed.length})`),
      ...closed.map(([vendor, [{ reason }]]) => make("div", "", {}, `${vendor}: ${reason}`)),
    );
    this.closed.hidden = !closed.length;
    this.pick(before);
  }

  /** Choose *model*, or the first that can be used. */
  pick(model) {
    const usable = this.offers.filter(({ reason }) => !reason);
    const offer = usable.find((each) => each.model === model) ?? usable[0];
    this.model.value = offer?.model ?? "";
    this.shape();
  }

  /** Fit the fields to the chosen model. */
  shape() {
    const { choices = {}, takes = [] } = this.offer() ?? {};
    const lists = Object.keys(CHOICES).filter((name) => name in choices);
    const entries = Object.keys(ENTRIES).filter((name) => takes.includes(name));
    const shown = [
      ...lists.map((name) => this.list(name, choices[name])),
      ...entries.map((name) => this.entry(name)),
    ];
    if (takes.includes("seed")) shown.push(this.seed.whole);
    shown.push(this.entry("timeout"));
    this.fields.replaceChildren(...shown);
    this.pictures.element.hidden = !takes.includes("references");
    if (this.offer()) this.values.model = this.model.value;
  }

  list(name, values) {
    const select = make("select", "mt-studio-control", { name });
    choose(select, [["", "Auto"], ...values.map((value) => [value, value])]);
    select.value = values.includes(this.values[name]) ? this.values[name] : "";
    return field(CHOICES[name], select);
  }

  entry(name, { label, ...attributes } = ENTRIES[name]) {
    const input = make("input", "mt-studio-control", { type: "text", name, ...attributes });
    input.value = this.values[name] ?? "";
    return field(label, input);
  }

  /** What is asked for now; only of what is seen. */
  read() {
    const settings = { model: this.model.value };
    for (const { name, value } of this.fields.querySelectorAll("[name]")) {
      if (name && value) settings[name] = value;
    }
    if (!this.seed.keep.checked) delete settings.seed;
    if (!this.pictures.element.hidden) settings.pictures = this.pictures.names();
    return { kind: this.kind, prompt: this.prompt.value, settings };
  }

  /** Put earlier words and settings back. */
  load({ prompt = "", settings = {} }) {
    this.prompt.value = prompt;
    this.values = { ...settings };
    this.showSeed(settings.seed);
    this.seed.keep.checked = Boolean(settings.seed);
    this.pictures.load(settings.pictures ?? []);
    if (this.offers.length) this.pick(settings.model);
  }

  /** The seed that was used, or none where the vendor keeps it to itself. */
  showSeed(seed) {
    this.seed.number.value = seed ?? "";
    this.values.seed = this.seed.number.value;
  }
}

function vendorOf({ model }) {
  return model.split("/")[0];
}

/** The models of one vendor; those that cannot be used are there, and say so. */
function group(vendor, offers) {
  const closed = offers.every(({ reason }) => reason);
  const element = make("optgroup", "", {
    label: closed ? `${vendor} (${offers[0].reason})` : vendor,
  });
  for (const { model, reason } of offers) {
    const option = make("option", "", { value: model }, model);
    option.disabled = Boolean(reason);
    option.title = reason;
    element.append(option);
  }
  return element;
}
