// How two pictures look under one slider or side by side, and what was asked for differently.

import { button, keepKeys, make } from "./page.js";

const LETTERS = ["A", "B"];
const TAGS = { same: "span", gone: "del", new: "ins" };
const SAID = { gone: "removed", new: "added" };

function figureOf(letter, name, [width, height]) {
  const figure = make("figure", "mt-compare-figure");
  const image = make("img", "mt-compare-image", { alt: name, width, height, draggable: "false" });
  const words = `${letter} · ${width}×${height}`;
  figure.append(image, make("figcaption", "mt-compare-letter", {}, words));
  return { figure, image };
}

function prompts(words) {
  const section = make("section", "mt-compare-section", { "aria-label": "Prompt" });
  const text = make("p", "mt-compare-prompt");
  for (const [how, part] of words) {
    const element = make(TAGS[how], `mt-compare-${how}`, {}, part.trimStart());
    if (how in SAID) element.prepend(make("span", "mt-compare-said", {}, `${SAID[how]}: `));
    if (part.startsWith(" ")) text.append(" ");
    text.append(element);
  }
  section.append(make("h4", "mt-compare-title", {}, "Prompt"), text);
  return section;
}

function table(facts) {
  const element = make("table", "mt-compare-table");
  const head = element.createTHead().insertRow();
  for (const name of ["Option", ...LETTERS]) head.append(make("th", "", { scope: "col" }, name));
  const body = element.createTBody();
  for (const [name, ...values] of facts) {
    const row = body.insertRow();
    row.append(make("th", "", { scope: "row" }, name));
    for (const value of values) row.append(make("td", "", {}, value));
  }
  return element;
}

/** One of two ways to look; native radio buttons bring the keyboard along. */
function ways(choose) {
  const group = make("fieldset", "mt-compare-ways");
  group.append(make("legend", "mt-compare-said", {}, "How to compare"));
  const name = `mt-compare-${Math.random()}`;
  for (const [way, text] of [
    ["slider", "Slider"],
    ["beside", "Side by side"],
  ]) {
    const label = make("label", "mt-compare-way");
    const radio = make("input", "", { type: "radio", name, value: way });
    radio.checked = way === "slider";
    radio.addEventListener("change", () => choose(way));
    label.append(radio, text);
    group.append(label);
  }
  return group;
}

/** Compare two pictures, by what Python says of them; *open* shows one of them in full quality. */
export function comparison({ names, shapes, note, words, facts }, open) {
  const root = make("section", "mt-widget mt-compare", {
    "aria-label": "Comparison",
    "data-way": "slider",
  });
  const stage = make("div", "mt-compare-stage");
  const sides = LETTERS.map((letter, at) => figureOf(letter, names[at], shapes[at]));
  const slider = make("input", "mt-compare-slider", {
    type: "range",
    min: "0",
    max: "100",
    value: "50",
    "aria-label": "Share of the first picture that is seen",
  });
  stage.style.setProperty("--mt-shape", `${shapes[0][0]} / ${shapes[0][1]}`);
  stage.style.setProperty("--mt-width", `${Math.max(shapes[0][0], shapes[1][0], 320)}px`);
  const slide = () => {
    stage.style.setProperty("--mt-split", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value}% A, ${100 - slider.value}% B`);
  };
  slider.addEventListener("input", slide);
  slide();
  const line = make("span", "mt-compare-line", { "aria-hidden": "true" });
  stage.append(...sides.map((side) => side.figure), line, slider);
  const bar = make("div", "mt-compare-bar");
  bar.append(
    ways((way) => {
      root.dataset.way = way;
    }),
    make("span", "mt-compare-note", { role: "status" }, note),
  );
  if (open) bar.append(...LETTERS.map((letter, at) => button(`Open ${letter}`, () => open(at))));
  root.append(bar, stage);
  if (words.length) root.append(prompts(words));
  const same = make("p", "mt-compare-note mt-compare-section", {}, "No option differs.");
  root.append(facts.length ? table(facts) : same);
  keepKeys(root);

  let urls = [];
  const end = () => {
    for (const url of urls) URL.revokeObjectURL(url);
  };
  const show = (types, buffers) => {
    end();
    urls = types.map((type, at) => URL.createObjectURL(new Blob([buffers[at]], { type })));
    for (const [at, { image }] of sides.entries()) image.src = urls[at];
  };
  return { root, show, end };
}
