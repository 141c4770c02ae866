import assert from "node:assert/strict";
import test from "node:test";

import "./page.mjs";
const { Shelf } = await import("../../mediatoolkit/widgets/js/tiles.js");

function shelf() {
  const sent = [];
  const made = new Shelf({ send: (message) => sent.push(message) });
  return { shelf: made, sent };
}

const settled = () => new Promise((done) => setTimeout(done));
const empty = (ids) => ids.map(() => new ArrayBuffer(0));
const thumbs = (ids) => ids.map((id) => ({ id, type: "image/webp", note: "" }));

test("a line is asked for once", () => {
  const { shelf: lines, sent } = shelf();

  lines.learn([1, 2]);
  lines.learn([2, 3]);

  assert.deepEqual(sent, [{ rows: [1, 2] }, { rows: [3] }]);
});

test("eight thumbnails are asked for at once, and the next when those have come", async () => {
  const { shelf: page, sent } = shelf();
  for (let id = 0; id < 10; id += 1) page.see(id);
  await settled();
  assert.deepEqual(sent, [{ thumbs: [0, 1, 2, 3, 4, 5, 6, 7] }]);

  page.hear({ thumbs: thumbs(sent[0].thumbs) }, empty(sent[0].thumbs));

  assert.deepEqual(sent[1], { thumbs: [8, 9] });
});

test("what left the page before its turn is not asked for", async () => {
  const { shelf: page, sent } = shelf();
  page.see(1);
  page.see(2);
  page.leave(1);
  await settled();

  assert.deepEqual(sent, [{ thumbs: [2] }]);
});
