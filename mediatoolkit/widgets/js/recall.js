// The call that made something, in a new cell below the one that shows it; it is not run.

const INSERT_BELOW = '[data-command="notebook:insert-cell-below"]';

/** The cell that holds *element*, or nothing where no cell can be added, as in Voilà. */
export function cellOf(element) {
  return element?.closest(".jp-NotebookPanel .jp-Cell");
}

/** Put *code* below *cell*, or into the clipboard; returns in words what was done. */
export async function recall(code, cell) {
  if (cell?.isConnected && (await insertBelow(code, cell))) return "";
  const copied = await copy(code);
  return copied ? "The call is in the clipboard; paste it into a cell." : `The call is: ${code}`;
}

async function insertBelow(code, cell) {
  const panel = cell.closest(".jp-NotebookPanel");
  const button = panel?.querySelector(INSERT_BELOW);
  if (!button) return false;
  mouse(cell.querySelector(".jp-InputPrompt") ?? cell, "mousedown", "mouseup", "click"); // activates it
  mouse(button, "mousedown"); // which is what JupyterLab's tool bar listens to
  let text = await editorBelow(cell, 500);
  if (!text) {
    mouse(button, "click"); // or did at other times
    text = await editorBelow(cell, 1500);
  }
  if (!text) return false;
  text.focus();
  text.scrollIntoView({ block: "nearest" });
  return paste(code, text);
}

function mouse(target, ...kinds) {
  const event = { bubbles: true, cancelable: true, button: 0 };
  for (const kind of kinds) target.dispatchEvent(new MouseEvent(kind, event));
}

/** The editor of the active cell when that is a new and empty one after *cell*; waits some time. */
async function editorBelow(cell, milliseconds) {
  for (const end = Date.now() + milliseconds; Date.now() < end;) {
    await new Promise((done) => setTimeout(done, 20));
    const below = cell.nextElementSibling;
    const text = below?.matches(".jp-mod-active") && below.querySelector(".cm-content");
    if (text && !text.textContent.trim()) return text;
  }
  return null;
}

/** As a person pastes: line by line as it is, without what an editor adds to typing. */
function paste(code, text) {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", code);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  text.dispatchEvent(event);
  return text.textContent.trim() !== "" || document.execCommand("insertText", false, code);
}

/** Put *text* into the clipboard; a page that is not served securely has the old way only. */
export async function copy(text) {
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
