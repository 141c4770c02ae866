// Pictures to start from: dropped, pasted or chosen, checked by the kernel.

import { button, make, megabytes } from "./page.js";

const LARGEST = 8e6; // bytes; a Jupyter server takes 10 MiB from a page at a time
let tickets = 0;

export class Pictures {
  changed = () => {};
  shown = []; // {ticket, name, element}

  constructor(model, addresses) {
    this.model = model;
    this.addresses = addresses;
    this.said = make("p", "", { role: "alert" });
    this.said.hidden = true;
    this.list = make("ul", "mt-studio-pictures", { "aria-label": "Pictures to start from" });
    this.file = make("input", "", { type: "file", accept: "image/png,image/jpeg,image/webp" });
    this.file.multiple = true;
    this.file.hidden = true;
    this.file.addEventListener("change", () => {
      this.add(this.file.files);
      this.file.value = "";
    });
    const open = button("Add pictures…", () => this.file.click());
    const hint = make("span", "mt-studio-hint", {}, "or drop, or paste");
    this.element = make(
      "div",
      "mt-studio-drop",
      { role: "group", "aria-label": "Pictures to start from" },
      make("div", "mt-studio-row", {}, open, hint, this.file),
      this.list,
      this.said,
    );
  }

  /** The kernel's names of the pictures that are there. */
  names() {
    return this.shown.map(({ name }) => name).filter(Boolean);
  }

  async add(files) {
    this.say("");
    for (const file of files) {
      if (file.size > LARGEST) {
        this.say(`${file.name} has ${megabytes(file.size)}; a page hands over 8 MB at the most.`);
        continue;
      }
      const ticket = `${Date.now()}-${++tickets}`;
      this.put({ ticket, label: file.name || "picture" });
      const data = await file.arrayBuffer();
      this.model.send({ do: "take", ticket }, undefined, [data]);
    }
  }

  load(names) {
    this.shown = [];
    this.list.replaceChildren();
    this.say("");
    for (const name of names) {
      this.put({ name, label: "picture" });
      this.model.send({ do: "picture", id: name });
    }
  }

  put(one) {
    const remove = button("×", () => this.remove(one), {
      className: "mt-studio-remove",
      "aria-label": `Remove ${one.label}`,
      title: `Remove ${one.label}`,
    });
    one.image = make("img", "", { alt: one.label });
    one.element = make("li", "", {}, one.image, remove);
    this.shown.push(one);
    this.list.append(one.element);
  }

  remove(one) {
    this.shown = this.shown.filter((other) => other !== one);
    one.element.remove();
    this.changed();
  }

  hear(news, buffers) {
    const those = this.shown.filter(
      ({ ticket, name }) =>
        (ticket && (ticket === news.took || ticket === news.refused)) ||
        (name && name === news.picture),
    );
    for (const one of those) {
      if (news.refused) {
        this.remove(one);
        this.say(`${one.label}: ${news.why}`);
        continue;
      }
      one.name = news.id ?? one.name;
      one.image.src = this.addresses.of(buffers, "image/jpeg");
      this.changed();
    }
  }

  say(text) {
    this.said.textContent = text;
    this.said.hidden = !text;
  }
}
