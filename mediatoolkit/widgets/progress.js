// The view of one running job. Python sends what happened and when; the browser counts the seconds.

const LATE = 0.8; // share of the time after which the bar warns
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

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

/** What all views of one job share. */
class Shared {
  skew = 0; // clock of the kernel minus clock of this page, milliseconds
  voice = new Voice();
  place = null;
  seen = false;
}

function initialize(shared, { model }) {
  const { voice } = shared;
  const listen = () => {
    shared.skew = model.get("now") - Date.now();
  };
  const hear = (news, [pcm]) => {
    if (news.sound) voice.add(pcm, news.sound.rate, news.sound.channels);
    if (news.sound && shared.seen) voice.start();
    if (news.hush) voice.stop();
  };
  listen();
  model.on("change:now", listen);
  model.on("msg:custom", hear);
  return () => {
    model.off("change:now", listen);
    model.off("msg:custom", hear);
    handOver(voice, shared.place);
  };
}

/** The row with which the voice of a job is heard, muted or begun; hidden while it is silent. */
function renderVoice(shared, row) {
  const { voice } = shared;
  const button = make("button", "mt-job-button", { type: "button" });
  const meter = make("meter", "mt-job-level", { "aria-label": "Loudness", max: "1" });
  const said = make("span", "mt-job-clock", { "aria-label": "Voice" });
  row.append(button, meter, said);

  function listen() {
    meter.value = voice.level;
    said.textContent = `${voice.heard.toFixed(1)} of ${voice.queued.toFixed(1)} s`;
  }

  function refresh() {
    row.dataset.voice = voice.state;
    row.hidden = voice.state === "silent";
    const silent = voice.state === "blocked" || voice.state === "muted";
    button.textContent = { blocked: "Play", muted: "Unmute" }[voice.state] ?? "Mute";
    row.classList.toggle("mt-job-quiet", silent);
    listen();
  }

  button.addEventListener("click", () => {
    if (voice.state === "blocked") voice.start(true);
    else voice.mute(!voice.muted);
  });
  voice.addEventListener("change", refresh);
  shared.seen = true;
  voice.start();
  refresh();
  const timer = setInterval(listen, 100);
  return () => {
    clearInterval(timer);
    voice.removeEventListener("change", refresh);
  };
}

function render(shared, { model, el }) {
  const label = make("span", "mt-job-label");
  const cancel = make("button", "mt-job-button", { type: "button" });
  const bar = make("progress", "mt-job-bar", { max: "1" });
  const stage = make("span", "mt-job-stage", { role: "status", "aria-live": "polite" });
  const clock = make("span", "mt-job-clock");
  const root = make("div", "mt-job", { role: "group" });
  const row = make("div", "mt-job-voice", { role: "group", "aria-label": "Voice" });
  root.append(label, cancel, bar, stage, clock, row);
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

  const silence = renderVoice(shared, row);

  function count() {
    shared.place = placeOf(el) ?? shared.place;
    const now = Date.now() + shared.skew;
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
    shared.voice.stop();
    cancel.disabled = true;
    model.send("cancel");
    write();
  });
  model.on("change", refresh);
  refresh();
  const timer = setInterval(count, STILL.matches ? 1000 : 100);
  return () => {
    clearInterval(timer);
    silence();
    model.off("change", refresh);
  };
}

/** Called once a job. */
export default () => {
  const shared = new Shared();
  return {
    initialize: (job) => initialize(shared, job),
    render: (view) => render(shared, view),
  };
};
