// The view of one running job. Python sends what happened and when; the browser counts the seconds.

const LATE = 0.8; // share of the time after which the bar warns
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** Clock of the kernel minus clock of this page, milliseconds, one per model. */
const skews = new WeakMap();

function setClock(model) {
  skews.set(model, model.get("now") - Date.now());
}

function make(tag, className, attributes = {}) {
  const element = document.createElement(tag);
  element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Such as `3.1 s` or `1:54 min`. */
function seconds(milliseconds) {
  const whole = Math.max(0, milliseconds) / 1000;
  if (whole < 60) return `${whole.toFixed(STILL.matches || whole >= 10 ? 0 : 1)} s`;
  return `${Math.floor(whole / 60)}:${String(Math.floor(whole % 60)).padStart(2, "0")} min`;
}

function initialize({ model }) {
  setClock(model);
  const listen = () => setClock(model);
  model.on("change:now", listen);
  return () => model.off("change:now", listen);
}

function render({ model, el }) {
  const label = make("span", "mt-job-label");
  const cancel = make("button", "mt-job-cancel", { type: "button" });
  const bar = make("progress", "mt-job-bar", { max: "1" });
  const stage = make("span", "mt-job-stage", { role: "status", "aria-live": "polite" });
  const clock = make("span", "mt-job-clock");
  const root = make("div", "mt-job", { role: "group" });
  root.append(label, cancel, bar, stage, clock);
  el.append(root);

  let stopping = false;

  function write() {
    const name = model.get("label");
    label.textContent = name;
    label.title = name;
    root.setAttribute("aria-label", name);
    bar.setAttribute("aria-label", `Progress of ${name}`);
    cancel.textContent = "Cancel";
    cancel.setAttribute("aria-label", `Cancel ${name}`);
    const said = stopping ? "stopping…" : model.get("stage");
    if (stage.textContent !== said) stage.textContent = said; // else a reader says it again
  }

  function count() {
    const now = Date.now() + (skews.get(model) ?? 0);
    const [began, deadline] = [model.get("began"), model.get("deadline")];
    const spent = Math.min(1, Math.max(0, (now - began) / (deadline - began || 1)));
    const fraction = model.get("fraction");
    bar.value = fraction ?? spent;
    root.dataset.counts = fraction === null ? "time" : "work";
    root.dataset.late = String(spent > LATE);
    clock.textContent = `${seconds(now - began)} · ${seconds(deadline - now)} left`;
  }

  function refresh() {
    write();
    count();
  }

  cancel.addEventListener("click", () => {
    stopping = true;
    cancel.disabled = true;
    model.send("cancel");
    write();
  });
  model.on("change", refresh);
  refresh();
  const timer = setInterval(count, STILL.matches ? 1000 : 100);
  return () => {
    clearInterval(timer);
    model.off("change", refresh);
  };
}

export default { initialize, render };
