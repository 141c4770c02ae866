// The little of a page that our modules touch when they load, and elements that keep what is set.

export class FakeElement {
  constructor(tag) {
    Object.assign(this, { tag, textContent: "", dataset: {}, style: {}, children: [] });
  }
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  setAttribute(name, value) {
    this[name] = value;
  }
  removeAttribute(name) {
    delete this[name];
  }
}

globalThis.window ??= globalThis;
globalThis.matchMedia ??= () => ({ matches: false });
globalThis.document ??= { createElement: (tag) => new FakeElement(tag) };
