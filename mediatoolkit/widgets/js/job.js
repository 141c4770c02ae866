// How a job stands, for the board and for the studio. The browser counts the seconds by itself.

import { make } from "./page.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const WARN = 0.75; // share of the time after which a bar warns
const ALARM = 0.92;

/** Such as `3.1 s` or `1:54 min`. */
export function seconds(milliseconds) {
  const whole = Math.max(0, milliseconds) / 1000;
  if (whole < 60) return `${whole.toFixed(STILL.matches || whole >= 10 ? 0 : 1)} s`;
  return `${Math.floor(whole / 60)}:${String(Math.floor(whole % 60)).padStart(2, "0")} min`;
}

/** The share of the work that is done at *now* of the kernel, or null where nobody knows. A vendor
 *  does not count, so its work fills the bar by the estimate and never to its end; as `work.py`. */
export function share({ fraction, worked, estimate, is_timed: timed }, now) {
  if (!timed || !estimate || !worked) return fraction ?? null;
  const ratio = Math.max(0, now - worked) / estimate;
  return Math.max(fraction ?? 0, ratio < 1 ? 0.9 * ratio : 1 - 0.1 / ratio);
}

function roundly(milliseconds) {
  const whole = Math.round(Math.max(0, milliseconds) / 1000);
  return whole < 60 ? `${whole} s` : seconds(milliseconds);
}

function about(milliseconds) {
  return `about ${roundly(Math.max(1000, milliseconds))}`;
}

/** What is expected of the work, such as `about 2 s more`; empty where nothing is known. */
function expectation({ worked, estimate }, now) {
  if (!estimate) return "";
  if (!worked) return about(estimate);
  const left = worked + estimate - now;
  return left > 0 ? `${about(left)} more` : `usually ${about(estimate)}`;
}

/** Write into *view* how far a job is at *now* of the kernel. Its bar never goes back, unless
 *  another job has taken the row. The end of a pause is beside the stage, which is read aloud:
 *  nobody wants to hear it every second. */
export function keepTime(job, now, view) {
  const { began, deadline, next, is_idle: idle } = job;
  const { root, bar, time, limit, pause } = view;
  if (view.began !== began) [view.began, view.reached] = [began, null];
  const done = share(job, now);
  if (done !== null) view.reached = Math.max(done, view.reached ?? 0);
  const known = idle || view.reached !== null;
  if (known) bar.value = view.reached ?? 0;
  else bar.removeAttribute("value");
  root.dataset.counts = known ? "work" : "nothing";
  const spent = deadline ? (now - began) / (deadline - began || 1) : 0;
  root.dataset.late = spent > ALARM ? "very" : String(spent > WARN);
  const expected = expectation(job, now);
  time.textContent = seconds(now - began) + (expected && ` · ${expected}`);
  limit.textContent = deadline ? ` · stops in ${roundly(deadline - now)}` : "";
  pause.textContent = next ? ` in ${Math.max(0, Math.round((next - now) / 1000))} s` : "";
}

/** Call *count* as often as a clock with tenths of a second needs it; returns what ends that. */
export function everyTick(count) {
  const timer = setInterval(count, STILL.matches ? 1000 : 100);
  return () => clearInterval(timer);
}

/** Why a job failed, with the facts folded away. */
export function failureParts({ kind, message, facts }) {
  const list = make("dl");
  for (const [name, value] of Object.entries(facts)) {
    list.append(make("dt", "", {}, name), make("dd", "", {}, value));
  }
  const details = make("details", "", {}, make("summary", "", {}, "Details"), list);
  return [make("strong", "", {}, kind), ` ${message}`, details];
}
