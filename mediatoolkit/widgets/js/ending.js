// How the ending of a board comes into its notebook: JupyterLab has one, other pages show it here.

const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
const mountOf = (token) => `data-mt-mount="${token}"`;

/** Whether the MIME data of an output shows the board whose model id is *id*. */
function shows(data, id) {
  return data[WIDGET_VIEW]?.model_id === id || `${data["text/html"]}`.includes(mountOf(id));
}

/** Replace every output of the notebook that shows *model* by MIME data; returns how many there were.
 *  A page that was loaded anew has forgotten the ids by which the kernel could replace them. */
export function putInPlace(model, { data, metadata = {} }) {
  let count = 0;
  for (const { outputs } of model.widget_manager?.context?.model?.cells ?? []) {
    for (let place = 0; place < (outputs?.length ?? 0); place += 1) {
      if (!shows(outputs.get(place).data, model.get("own_id"))) continue;
      outputs.set(place, { output_type: "display_data", data, metadata });
      count += 1;
    }
  }
  return count;
}

/** Call *act* at the end of the next save of the notebook around *model*; at once where there is none. */
function whenSaved(model, act) {
  const saves = model.widget_manager?.context?.saveState;
  if (!saves) return act();
  let begun = false;
  saves.connect(function look(_, state) {
    begun ||= state === "started";
    if (!begun || !state.startsWith("completed")) return; // or "completed manually"
    saves.disconnect(look);
    act();
  });
}

/** Put the ending of *model* in place as soon as there is one; when it is saved, the kernel need not
 *  keep it for a page that opens the file. */
export function keepEnding(jobs, model) {
  async function put() {
    await model.widget_manager?.context?.ready;
    const ending = model.get("ending");
    if (!ending.data) return;
    const isShownHere = putInPlace(model, ending) > 0 || jobs.seen;
    // Another page of the same kernel may be the one that has shown the board.
    if (isShownHere) whenSaved(model, () => jobs.views || model.send({ page: "saved" }));
  }
  model.on("change:ending", put);
  put();
  return () => model.off("change:ending", put);
}
