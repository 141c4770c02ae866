// A form for pictures, speech and film. What a person or a vendor says reaches the page as text.

import { make } from "./page.js";

let ids = 0;

/** An id that no other element of the page has. */
export function newId() {
  ids += 1;
  return `mt-studio-${ids}`;
}

/** A label above its control. */
export function field(label, control, className = "mt-studio-field") {
  control.id = newId();
  return make("div", className, {}, make("label", "", { for: control.id }, label), control);
}

export function choose(select, options) {
  select.replaceChildren(...options.map(([value, text]) => make("option", "", { value }, text)));
}

/** Addresses of bytes, which end with the view. */
export class Addresses {
  made = [];

  of(buffers, type) {
    const address = URL.createObjectURL(new Blob(buffers, { type }));
    this.made.push(address);
    return address;
  }

  end() {
    for (const address of this.made) URL.revokeObjectURL(address);
  }
}
