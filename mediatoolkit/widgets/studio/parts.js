// A form for pictures, speech and film. What a person or a vendor says reaches the page as text.

let named = 0;

/** A label above its control. */
function field(label, control, className = "mt-studio-field") {
  control.id = `mt-studio-${++named}`;
  return make("div", className, {}, make("label", "", { for: control.id }, label), control);
}

function choose(select, options) {
  select.replaceChildren(...options.map(([value, text]) => make("option", "", { value }, text)));
}

/** Addresses of bytes, which end with the view. */
class Addresses {
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
