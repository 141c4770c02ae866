// Small words that the scripts of all widgets share; this stands before them, in the same module.

/** A new element; text reaches the page as text. */
function make(tag, className = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A native button that calls *act* with the click. */
function button(text, act, { className = "", ...attributes } = {}) {
  const element = make("button", `mt-press ${className}`.trim(), attributes, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

/** Such as `3.2 MB`. */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Say *text* in a live region; the same words are not said twice. */
function say(region, text) {
  if (region.textContent !== text) region.textContent = text;
}

/** Keys without Ctrl are meant for the widget; the notebook around it would move or make cells. */
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
}

const GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);

/** Call *act* when the kernel behind *model* ends; JupyterLab tells of it, other pages may not. */
function whenGone(model, act) {
  const kernel = model.widget_manager?.kernel;
  const look = (_, status) => GONE.has(status) && act();
  kernel?.statusChanged?.connect(look);
  kernel?.disposed?.connect(act);
}
