import assert from "node:assert/strict";
import test from "node:test";

import "./page.mjs";
const { recall } = await import("../../mediatoolkit/widgets/js/recall.js");

const CALL = 'await mt.image("a red fox", seed=1)';

function clipboard(writeText) {
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { clipboard: { writeText } },
  });
}

test("outside JupyterLab the call goes into the clipboard", async () => {
  const texts = [];
  clipboard(async (text) => texts.push(text));

  assert.match(await recall(CALL, null), /in the clipboard/);
  assert.deepEqual(texts, [CALL]);
});

test("a page that may not copy says the call", async () => {
  clipboard(async () => {
    throw new Error("not allowed");
  });
  document.body = { append() {} };
  document.execCommand = () => false;
  document.querySelector = () => null;
  const create = document.createElement;
  document.createElement = (tag) => Object.assign(create(tag), { select() {}, remove() {} });

  assert.equal(await recall(CALL, null), `The call is: ${CALL}`);
});
