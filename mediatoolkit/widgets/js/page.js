// What the scripts of several widgets share.

const READING = 12000; // milliseconds that a message stays

/** What every copy of this script in one page finds under *name*; the first makes it. */
export function sharedInPage(name, first) {
  const key = Symbol.for(`mediatoolkit.${name}`);
  window[key] ??= first();
  return window[key];
}

/** What messages to the kernel call this page, so that the answer comes here alone. */
export const PAGE = sharedInPage("page", () => Math.random().toString(36).slice(2));

/** A new element; text reaches the page as text. */
export function make(tag, className = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A native button that calls *act* with the click. */
export function button(text, act, { className = "", ...attributes } = {}) {
  const element = make("button", `mt-press ${className}`.trim(), attributes, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

/** Such as `3.2 MB`. */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Say *text* in a live region; the same words are not said twice. */
export function say(region, text) {
  if (region.textContent !== text) region.textContent = text;
}

/** Keys without Ctrl are meant for the widget; the notebook around it would move or make cells. */
export function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
}

const GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);

export const KERNEL_ENDED = "The kernel ended; run the cell again.";

/** Call *act* when the kernel behind *model* ends; JupyterLab tells of it, other pages may not.
 *  Returns what ends the waiting. */
export function whenGone(model, act) {
  const { kernel, context } = model.widget_manager ?? {};
  const look = (_, status) => GONE.has(status) && act();
  const disposed = () => context?.isDisposed || act(); // else only the page is closed
  kernel?.statusChanged?.connect(look);
  kernel?.disposed?.connect(disposed);
  return () => {
    kernel?.statusChanged?.disconnect(look);
    kernel?.disposed?.disconnect(disposed);
  };
}

/** Say above *root* when the kernel ended, and let nothing in it be pressed from then on. */
export function endWithKernel(model, root, act = () => {}) {
  return whenGone(model, () => {
    if (root.inert) return;
    root.inert = true;
    root.before(make("div", "mt-widget mt-ended", { role: "status" }, KERNEL_ENDED));
    act();
  });
}

/** Text beside the button that was pressed; *role* is "alert" or "status". */
export function toast(text, near, role = "alert") {
  for (const old of document.querySelectorAll(".mt-said")) old.remove();
  const box = make("div", "mt-widget mt-said", { role });
  box.append(
    make("p", "", {}, text),
    button("×", () => box.remove(), { "aria-label": "Close this message" }),
  );
  (document.querySelector("dialog[open]") ?? document.body).append(box);
  const at = near?.isConnected ? near.getBoundingClientRect() : { left: 24, bottom: 24 };
  box.style.left = `${Math.max(12, Math.min(at.left, innerWidth - box.offsetWidth - 12))}px`;
  box.style.top = `${Math.max(12, Math.min(at.bottom + 6, innerHeight - box.offsetHeight - 12))}px`;
  setTimeout(() => box.remove(), READING);
}
