import assert from "node:assert/strict";
import test from "node:test";

import "./page.mjs";
const { Jobs } = await import("../../mediatoolkit/widgets/js/group.js");

function jobsOf(states) {
  const jobs = new Jobs();
  jobs.take(Object.fromEntries(states.map(([state, stage], name) => [name, { state, stage }])));
  return jobs;
}

test("work stands before failures, failures before what waits, and results nowhere", () => {
  const jobs = jobsOf([
    ["running", "waiting"],
    ["failed", ""],
    ["running", "queued"],
    ["done", ""],
    ["cancelled", ""],
  ]);

  assert.deepEqual(
    jobs.all.map((job) => job.rank),
    [0, 1, 2, -1, 3],
  );
});

test("news changes only what it names, and tells every view once", () => {
  const jobs = jobsOf([["running", "waiting"]]);
  let changes = 0;
  jobs.addEventListener("change", () => {
    changes += 1;
  });

  jobs.take({ 0: { stage: "receiving" } });

  assert.equal(jobs.get("0").state, "running");
  assert.equal(jobs.get("0").stage, "receiving");
  assert.equal(changes, 1);
});

test("what runs when the kernel ends is over, and what was done stays done", () => {
  const jobs = jobsOf([
    ["running", "waiting"],
    ["done", ""],
  ]);

  jobs.end();

  assert.equal(jobs.count("running"), 0);
  assert.equal(jobs.count("done"), 1);
});
