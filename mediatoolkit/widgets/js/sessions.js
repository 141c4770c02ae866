// The sessions of a kernel. Python sends the table when a number changes.

import { button, endWithKernel, make, say } from "./page.js";

const COLUMNS = ["Origin", "Open connections", "In flight", "Calls", "Bytes in", "Errors"];

function line(values) {
  const row = make("tr");
  for (const [at, value] of values.entries()) {
    const attributes = at ? {} : { scope: "row" };
    const text = at ? value.toLocaleString("en") : value;
    row.append(make(at ? "td" : "th", at ? "mt-sessions-number" : "", attributes, text));
  }
  row.classList.toggle("mt-sessions-busy", values[2] > 0);
  return row;
}

function render({ model, el }) {
  const root = make("section", "mt-widget mt-sessions", { "aria-label": "Sessions" });
  const table = make("table", "mt-sessions-table");
  const head = table.createTHead().insertRow();
  for (const [at, name] of COLUMNS.entries()) {
    head.append(make("th", at ? "mt-sessions-number" : "", { scope: "col" }, name));
  }
  const body = table.createTBody();
  const none = make("p", "mt-sessions-none", {}, "No open sessions. The first call opens one.");
  const close = button("Close", () => model.send("close"));
  const status = make("span", "mt-sessions-said", { role: "status", "aria-live": "polite" });
  const foot = make("div", "mt-sessions-foot");
  foot.append(status, close);
  root.append(table, none, foot);
  el.append(root);

  const write = () => {
    const rows = model.get("rows");
    body.replaceChildren(...rows.map(line));
    table.hidden = !rows.length;
    none.hidden = rows.length > 0;
    close.disabled = !rows.length;
    say(status, model.get("status"));
  };
  model.on("change", write);
  write();
  model.send("look");
  const away = endWithKernel(model, root);
  return () => {
    away();
    model.off("change", write);
    model.send("leave");
  };
}

export default { render };
