// Small words that the scripts of several widgets share.

/** A new element; text reaches the page as text. */
function make(tag, className = "", attributes = {}, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

/** Such as `2,000 pictures` or `1 picture`. */
function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Say *text* in a live region; the same words are not said twice. */
function say(region, text) {
  if (region.textContent !== text) region.textContent = text;
}

/** Keys without Ctrl are meant for the widget; the notebook around it would move or make cells. */
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
}
