// Two pictures in a cell.

import { comparison } from "./comparing.js";
import { PAGE } from "./page.js";

function render({ model, el }) {
  const names = ["names", "shapes", "note", "words", "facts"];
  const described = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const { root, show, end } = comparison(described, (at) => model.send({ open: at, page: PAGE }));
  el.append(root);
  const hear = ({ types }, buffers) => show(types, buffers);
  model.on("msg:custom", hear);
  model.send("show");
  return () => {
    model.off("msg:custom", hear);
    end();
  };
}

export default { render };
