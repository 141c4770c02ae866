import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement } from "./page.mjs";
const { failureParts, keepTime, seconds } = await import("../../mediatoolkit/widgets/js/job.js");

const BEGAN = 1_000_000;
const DEADLINE = BEGAN + 100_000;

function clockAt(now, news = {}) {
  const view = Object.fromEntries(
    ["root", "bar", "clock", "pause"].map((name) => [name, new FakeElement(name)]),
  );
  keepTime({ began: BEGAN, deadline: DEADLINE, ...news }, now, view);
  return view;
}

test("a short time has tenths, a long one minutes", () => {
  assert.deepEqual([-5, 3140, 12_400, 114_000].map(seconds), [
    "0.0 s",
    "3.1 s",
    "12 s",
    "1:54 min",
  ]);
});

test("a bar shows the share of the time that is spent, and warns before its end", () => {
  const late = [10, 76, 93, 400].map((spent) => clockAt(BEGAN + spent * 1000));

  assert.deepEqual(
    late.map(({ bar }) => bar.value),
    [0.1, 0.76, 0.93, 1],
  );
  assert.deepEqual(
    late.map(({ root }) => root.dataset.late),
    ["false", "true", "very", "very"],
  );
});

test("a bar shows the work instead where somebody knows how much is done", () => {
  const { bar, root, clock } = clockAt(BEGAN + 10_000, { fraction: 0.5 });

  assert.equal(bar.value, 0.5);
  assert.equal(root.dataset.counts, "work");
  assert.equal(clock.textContent, "10 s · 1:30 min left");
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
