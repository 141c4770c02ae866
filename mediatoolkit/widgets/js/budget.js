// What may be spent and has been spent. Python sends the table when a figure changes.

import { endWithKernel, make } from "./page.js";

function render({ model, el }) {
  const root = make("section", "mt-widget mt-budget", { "aria-label": "Budget" });
  el.append(root);
  const write = () => {
    root.innerHTML = model.get("table"); // escaped where it is made
  };
  model.on("change:table", write);
  write();
  model.send("look");
  const away = endWithKernel(model, root);
  return () => {
    away();
    model.off("change:table", write);
    model.send("leave");
  };
}

export default { render };
