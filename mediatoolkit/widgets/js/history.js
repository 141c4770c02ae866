// The history of the session, newest first.

import { button, make } from "./page.js";
import { KINDS } from "./form.js";

const SIGNS = { image: "🖼", speech: "♪", video: "▶" };

export class History {
  constructor(addresses, { fetch, see }) {
    this.addresses = addresses;
    this.fetch = fetch;
    this.see = see;
    this.places = []; // buttons, oldest first
    this.list = make("ol", "mt-studio-strip");
    this.element = make("nav", "", { "aria-label": "History" }, this.list);
    this.element.hidden = true;
  }

  update(entries, seen) {
    for (let number = this.places.length; number < entries.length; number += 1) {
      this.put(number, entries[number]);
    }
    this.element.hidden = entries.length < 2;
    this.places.forEach((place, number) => {
      if (number === seen) place.setAttribute("aria-current", "true");
      else place.removeAttribute("aria-current");
    });
  }

  put(number, { kind, prompt }) {
    const sign = make("span", "", { "aria-hidden": "true" }, SIGNS[kind]);
    const place = button("", () => this.see(number), {
      className: "mt-studio-piece",
      "aria-label": `${KINDS[kind].tab} ${number + 1}: ${prompt}`,
      title: prompt,
    });
    place.append(sign);
    this.places.push(place);
    this.list.prepend(make("li", "", {}, place));
    if (kind !== "speech") this.fetch(number);
  }

  hear({ gave }, buffers) {
    if (!buffers.length || !this.places[gave]) return;
    const image = make("img", "", { alt: "", src: this.addresses.of(buffers, "image/jpeg") });
    this.places[gave].replaceChildren(image);
  }
}
