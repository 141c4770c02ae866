// The call that made something, in a new cell below the one that shows it; it is not run.

const INSERT_BELOW = '[data-command="notebook:insert-cell-below"]';

/** The cell that holds *element*, or nothing outside JupyterLab. */
function cellOf(element) {
  return element?.closest(".jp-Notebook .jp-Cell");
}

/** Put *code* below *cell*, or into the clipboard; returns in words what was done. */
async function recall(code, cell) {
  if (cell?.isConnected && (await insertBelow(code, cell))) return "";
  const copied = await copy(code);
  return copied ? "The call is in the clipboard; paste it into a cell." : `The call is: ${code}`;
}

async function insertBelow(code, cell) {
  const panel = cell.closest(".jp-NotebookPanel");
  const press = panel?.querySelector(INSERT_BELOW);
  const button = press?.matches("button, jp-button") ? press : press?.querySelector("button, jp-button");
  if (!button) return false;
  makeActive(cell);
  button.click();
  const text = await editorOf(panel, cell);
  if (!text) return false;
  text.focus();
  text.scrollIntoView({ block: "nearest" });
  return paste(code, text);
}

/** As a person pastes: line by line as it is, without what an editor adds to typing. */
function paste(code, text) {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", code);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  text.dispatchEvent(event);
  return text.textContent.trim() !== "" || document.execCommand("insertText", false, code);
}

/** As a click beside its output does. */
function makeActive(cell) {
  const at = { bubbles: true, cancelable: true, button: 0 };
  const prompt = cell.querySelector(".jp-InputPrompt") ?? cell;
  for (const kind of ["mousedown", "mouseup", "click"]) prompt.dispatchEvent(new MouseEvent(kind, at));
}

/** The editor of the new cell, when it is there and empty. */
async function editorOf(panel, cell) {
  for (const end = Date.now() + 3000; Date.now() < end; ) {
    const added = panel.querySelector(".jp-Cell.jp-mod-active");
    const text = added !== cell && added?.querySelector(".cm-content");
    if (text && !text.textContent.trim()) return text;
    await new Promise((done) => setTimeout(done, 20));
  }
  return null;
}

/** Put *text* into the clipboard; a page that is not served securely has the old way only. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
