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

/** Write into *clock*, and into the *bar* in *root*, how far a job is at *now* of the kernel. One that
 *  waits for its turn has no *deadline* yet. The end of a *pause* is beside the stage, which is read aloud: nobody wants to hear it every second. */
export function keepTime({ began, deadline, fraction, next }, now, { root, bar, clock, pause }) {
  const spent = deadline ? Math.min(1, Math.max(0, (now - began) / (deadline - began || 1))) : 0;
  const known = typeof fraction === "number";
  bar.value = known ? fraction : spent;
  root.dataset.counts = known ? "work" : "time";
  root.dataset.late = spent > ALARM ? "very" : String(spent > WARN);
  const left = deadline ? ` · ${seconds(deadline - now)} left` : "";
  clock.textContent = `${seconds(now - began)}${left}`;
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
