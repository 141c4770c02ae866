import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement } from "./page.mjs";
const { failureParts, keepTime, seconds } = await import("../../mediatoolkit/widgets/js/job.js");

const BEGAN = 1_000_000;
const DEADLINE = BEGAN + 100_000;

const RUNNING = { began: BEGAN, deadline: DEADLINE, worked: BEGAN, fraction: null };

function view() {
  const names = ["root", "bar", "time", "limit", "pause"];
  return Object.fromEntries(names.map((name) => [name, new FakeElement(name)]));
}

function clockAt(now, news = {}) {
  const shown = view();
  keepTime({ ...RUNNING, ...news }, now, shown);
  return shown;
}

test("a short time has tenths, a long one minutes", () => {
  assert.deepEqual([-5, 3140, 12_400, 114_000].map(seconds), [
    "0.0 s",
    "3.1 s",
    "12 s",
    "1:54 min",
  ]);
});

test("a bar warns before the deadline, and is not filled by it", () => {
  const late = [10, 76, 93, 400].map((spent) => clockAt(BEGAN + spent * 1000));

  assert.ok(late.every(({ bar }) => !("value" in bar)));
  assert.deepEqual(
    late.map(({ root }) => root.dataset.late),
    ["false", "true", "very", "very"],
  );
});

test("a bar shows the work where somebody knows how much is done", () => {
  const { bar, root, time, limit } = clockAt(BEGAN + 10_000, { fraction: 0.5 });

  assert.equal(bar.value, 0.5);
  assert.equal(root.dataset.counts, "work");
  assert.equal(time.textContent, "10 s");
  assert.equal(limit.textContent, " · stops in 1:30 min");
});

test("a bar is idle while its job waits for its turn, which has no deadline yet", () => {
  const queued = { is_idle: true, worked: null, deadline: null, estimate: 4000 };

  for (const late of [0, 60_000]) {
    const { bar, root, time, limit } = clockAt(BEGAN + late, queued);
    assert.equal(bar.value, 0);
    assert.equal(root.dataset.counts, "work", "nothing moves");
    assert.equal(root.dataset.late, "false");
    assert.match(time.textContent, /· about 4 s$/);
    assert.equal(limit.textContent, "");
  }
});

test("a vendor's work fills the bar by the estimate and never to its end", () => {
  const shares = [0, 2, 4, 8, 4000].map(
    (spent) => clockAt(BEGAN + spent * 1000, { estimate: 4000, is_timed: true }).bar.value,
  );

  assert.deepEqual(shares.slice(0, 4), [0, 0.45, 0.9, 0.95]);
  assert.ok(shares[4] > 0.99 && shares[4] < 1);
});

test("what is expected is told apart from the limit", () => {
  const words = [1, 3, 9].map(
    (spent) => clockAt(BEGAN + spent * 1000, { estimate: 4000 }).time.textContent,
  );

  assert.deepEqual(words, [
    "1.0 s · about 3 s more",
    "3.0 s · about 1 s more",
    "9.0 s · usually about 4 s",
  ]);
});

test("a bar never goes back, whatever the messages say", () => {
  const shown = view();
  const timed = { estimate: 4000, is_timed: true };
  const told = [timed, { fraction: 0.2 }, { is_idle: true }, { ...timed, worked: BEGAN + 9e3 }, {}];

  const seen = told.map((news, step) => {
    keepTime({ ...RUNNING, ...news }, BEGAN + 2000 + step, shown);
    return shown.bar.value;
  });

  assert.deepEqual(seen, Array(5).fill(0.45));
  assert.equal(shown.root.dataset.counts, "work");
});

test("another job in the row starts at nothing", () => {
  const shown = view();
  keepTime({ ...RUNNING, fraction: 0.9 }, BEGAN + 1000, shown);
  keepTime({ ...RUNNING, began: BEGAN + 5000, is_idle: true }, BEGAN + 5001, shown);

  assert.equal(shown.bar.value, 0);
});

test("the next attempt is counted down and never below zero", () => {
  const pauses = [0, 9_000].map((late) => clockAt(BEGAN + late, { next: BEGAN + 3000 }).pause);

  assert.deepEqual(
    pauses.map(({ textContent }) => textContent),
    [" in 3 s", " in 0 s"],
  );
});

test("the facts of a failure are folded away behind its message", () => {
  const parts = failureParts({
    kind: "Timeout.",
    message: "<b>late</b>",
    facts: { stage: "waiting" },
  });

  assert.equal(parts[1], " <b>late</b>", "it reaches the page as text");
  assert.equal(parts[2].tag, "details");
});
