// A form for pictures, speech and film. What a person or a vendor says reaches the page as text.

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
let named = 0;

function make(tag, className, attributes = {}, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function button(label, action, className = "mt-studio-button", attributes = {}) {
  const element = make("button", className, { type: "button", ...attributes }, label);
  element.addEventListener("click", action);
  return element;
}

/** A label above its control. */
function field(label, control, className = "mt-studio-field") {
  control.id = `mt-studio-${++named}`;
  return make("div", className, {}, make("label", "", { for: control.id }, label), control);
}

function choose(select, options) {
  select.replaceChildren(...options.map(([value, text]) => make("option", "", { value }, text)));
}

/** Such as `3.1 s` or `1:54 min`. */
function seconds(milliseconds) {
  const whole = Math.max(0, milliseconds) / 1000;
  if (whole < 60) return `${whole.toFixed(STILL.matches || whole >= 10 ? 0 : 1)} s`;
  return `${Math.floor(whole / 60)}:${String(Math.floor(whole % 60)).padStart(2, "0")} min`;
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
