// One piece of media in full quality, in a dialog over the page, with what is known of it.

const VIEWS = new Map(); // word by which the next piece is asked for -> the view that waits
const STEP = 1.25; // of one press on + or one notch of the wheel
const PAN = 60; // pixels that an arrow key moves
const CLOSEST = 16; // times the size of the picture

class View {
  #parts = [];
  #received = 0;
  #urls = [];

  /** *ask* sends a word to the kernel, *origin* is the button that was pressed. */
  constructor(facts, [picture], { ask, origin }) {
    Object.assign(this, { facts, ask, origin, cell: cellOf(origin) });
    this.standIn = picture ? this.#url([picture], "image/*") : "";
    this.stage = { picture: pictureStage, sound: soundStage, film: filmStage }[facts.kind](this);
    this.#build();
    VIEWS.set(facts.more, this);
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.stage.shown?.();
    ask(facts.more);
  }

  /** A piece of the file has come. */
  receive(buffers) {
    this.#parts.push(...buffers);
    for (const part of buffers) this.#received += part.byteLength;
    this.loading.value = this.#received;
    this.status.textContent = `${megabytes(this.#received)} of ${megabytes(this.facts.bytes)}`;
    if (this.#received < this.facts.bytes) this.ask(this.facts.more);
    else this.#finish();
  }

  #finish() {
    const url = this.#url(this.#parts.splice(0), this.facts.type);
    this.stage.fill(url);
    this.save.href = url;
    this.save.removeAttribute("aria-disabled");
    this.waiting.remove();
    this.ask(this.facts.over);
  }

  #url(parts, type) {
    const url = URL.createObjectURL(new Blob(parts, { type }));
    this.#urls.push(url);
    return url;
  }

  #build() {
    const { facts } = this;
    const title = make(
      "h2",
      "mt-viewer-title",
      { id: `mt-${facts.more}` },
      facts.prompt || facts.noun,
    );
    title.title = facts.prompt;
    const close = button("×", () => this.dialog.close(), { "aria-label": "Close" });
    this.loading = make("progress", "", { max: facts.bytes, "aria-label": "Loading" });
    this.status = make("span", "", { role: "status" });
    this.waiting = make("div", "mt-viewer-waiting", {}, this.loading, this.status);
    this.dialog = make(
      "dialog",
      "mt-widget mt-viewer",
      {
        "aria-labelledby": title.id,
        "data-kind": facts.kind,
        "data-lm-suppress-shortcuts": "true",
      },
      make("header", "", {}, title, close),
      make("div", "mt-viewer-stage", {}, ...this.stage.elements, this.waiting),
      make("aside", "", { "aria-label": "Origin" }, this.#panel(), this.#actions()),
    );
    this.dialog.addEventListener(
      "click",
      ({ target }) => target === this.dialog && this.dialog.close(),
    );
    this.dialog.addEventListener("close", () => this.#leave());
    for (const kind of ["keydown", "keyup"]) {
      this.dialog.addEventListener(kind, (event) => event.stopPropagation()); // not the notebook's
    }
  }

  #panel() {
    const list = make("dl", "mt-viewer-facts", { tabindex: "0", "aria-label": "Origin" });
    for (const [name, value] of this.facts.facts) {
      list.append(make("dt", "", {}, name), make("dd", "", {}, value));
    }
    return list;
  }

  #actions() {
    const { facts } = this;
    const link = { download: facts.name, "aria-disabled": "true", role: "link" };
    this.save = make("a", "mt-press", link, "Save");
    const row = make("div", "mt-viewer-actions");
    if (facts.prompt) {
      row.append(
        button("Copy prompt", async ({ target }) => {
          const done = await copy(facts.prompt);
          toast(
            done ? "The prompt is in the clipboard." : "The page may not copy.",
            target,
            "status",
          );
        }),
      );
    }
    row.append(this.save);
    if (facts.recall)
      row.append(
        button("Recall", () => this.#recall(), { "aria-label": "Recall: put the call below" }),
      );
    return row;
  }

  async #recall() {
    this.recalled = true;
    this.dialog.close();
    const said = await recall(this.facts.recall, this.cell);
    if (said) toast(said, this.origin, "status");
  }

  #leave() {
    if (this.#received < this.facts.bytes) this.ask(this.facts.over);
    VIEWS.delete(this.facts.more);
    this.stage.empty?.();
    this.dialog.remove();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#parts = [];
    if (!this.recalled && this.origin?.isConnected) this.origin.focus();
  }
}

/** A picture that can be zoomed and moved. */
function pictureStage({ facts, standIn }) {
  const { width, height } = facts;
  const image = make("img", "", {
    alt: facts.prompt || facts.noun,
    width,
    height,
    draggable: "false",
  });
  if (standIn) image.src = standIn;
  const name = "Picture; arrow keys move it, + and - zoom, 0 fits it, 1 shows its own size";
  const pane = make("div", "mt-pane", { tabindex: "0", role: "group", "aria-label": name }, image);
  const level = make("output", "", { "aria-label": "Zoom" });
  const look = { scale: 1, x: 0, y: 0, fits: true };

  function fitting() {
    return Math.min(1, pane.clientWidth / width, pane.clientHeight / height);
  }

  function draw() {
    const [wide, high] = [
      pane.clientWidth - width * look.scale,
      pane.clientHeight - height * look.scale,
    ];
    look.x = wide > 0 ? wide / 2 : Math.min(0, Math.max(wide, look.x));
    look.y = high > 0 ? high / 2 : Math.min(0, Math.max(high, look.y));
    image.style.transform = `translate(${look.x}px, ${look.y}px) scale(${look.scale})`;
    image.style.imageRendering = look.scale >= 4 ? "pixelated" : "auto";
    level.textContent = `${Math.round(look.scale * 100)} %`;
  }

  /** Zoom to *scale*; what is at (*x*, *y*) of the pane stays there. */
  function zoom(scale, x = pane.clientWidth / 2, y = pane.clientHeight / 2) {
    const next = Math.min(CLOSEST, Math.max(Math.min(fitting(), 0.05 + fitting() / 2), scale));
    look.x = x - ((x - look.x) * next) / look.scale;
    look.y = y - ((y - look.y) * next) / look.scale;
    look.scale = next;
    look.fits = false;
    draw();
  }

  function fit() {
    look.scale = fitting();
    look.fits = true;
    draw();
  }

  function move(x, y) {
    look.x += x;
    look.y += y;
    draw();
  }

  const keys = {
    ArrowLeft: () => move(PAN, 0),
    ArrowRight: () => move(-PAN, 0),
    ArrowUp: () => move(0, PAN),
    ArrowDown: () => move(0, -PAN),
    "+": () => zoom(look.scale * STEP),
    "-": () => zoom(look.scale / STEP),
    0: fit,
    1: () => zoom(1),
  };
  pane.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    const place = pane.getBoundingClientRect();
    const times = event.deltaY < 0 ? STEP : 1 / STEP;
    zoom(look.scale * times, event.clientX - place.left, event.clientY - place.top);
  });
  pane.addEventListener("pointerdown", (event) => {
    if (event.button === 0) pane.setPointerCapture(event.pointerId);
  });
  pane.addEventListener("pointermove", (event) => {
    if (pane.hasPointerCapture(event.pointerId)) move(event.movementX, event.movementY);
  });
  const observer = new ResizeObserver(() => (look.fits ? fit() : draw()));

  return {
    elements: [
      pane,
      make(
        "div",
        "mt-viewer-tools",
        { role: "toolbar", "aria-label": "Zoom" },
        button("−", keys["-"], { "aria-label": "Zoom out" }),
        level,
        button("+", keys["+"], { "aria-label": "Zoom in" }),
        button("1:1", keys[1], { "aria-label": "Show its own size" }),
        button("Fit", fit, { "aria-label": "Fit into the window" }),
      ),
    ],
    shown() {
      observer.observe(pane);
      fit();
      pane.focus();
    },
    fill: (url) => {
      image.src = url;
    },
    empty: () => observer.disconnect(),
  };
}

/** Speech with its wave, and with the words that are said just now. */
function soundStage({ facts, standIn }) {
  const player = make("audio", "", { controls: "", "aria-label": facts.prompt || facts.noun });
  const head = make("div", "mt-wave-head");
  const wave = make("div", "mt-wave", { "aria-hidden": "true" }, head);
  if (standIn) wave.style.setProperty("--mt-wave", `url("${standIn}")`);
  const words = facts.captions.map(([start, , text]) =>
    button(text, () => {
      player.currentTime = start;
      player.play();
    }),
  );
  const list = make(
    "ol",
    "mt-captions",
    { "aria-label": "Words" },
    ...words.map((word) => make("li", "", {}, word)),
  );

  function follow() {
    const now = player.currentTime;
    head.style.left = `${player.duration ? (100 * now) / player.duration : 0}%`;
    words.forEach((word, index) => {
      const [start, end] = facts.captions[index];
      if (now >= start && now < end && now > 0) word.setAttribute("aria-current", "true");
      else word.removeAttribute("aria-current");
    });
    list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  function keepUp() {
    follow();
    if (!player.paused && player.isConnected) requestAnimationFrame(keepUp);
  }

  player.addEventListener("play", keepUp);
  player.addEventListener("timeupdate", follow);
  wave.addEventListener("click", (event) => {
    if (player.duration) player.currentTime = (player.duration * event.offsetX) / wave.clientWidth;
  });
  return {
    elements: words.length ? [wave, player, list] : [wave, player],
    fill: (url) => {
      player.src = url;
    },
    shown: () => player.focus(),
    empty: () => unload(player),
  };
}

function filmStage({ facts, standIn }) {
  const { width, height } = facts;
  const player = make("video", "", {
    controls: "",
    width,
    height,
    "aria-label": facts.prompt || facts.noun,
  });
  if (standIn) player.poster = standIn;
  return {
    elements: [player],
    fill(url) {
      player.src = url;
      player.play().catch(() => {}); // a page that may not begin by itself shows the first picture
    },
    shown: () => player.focus(),
    empty: () => unload(player),
  };
}

/** Without this a browser holds the file as long as it likes. */
function unload(player) {
  player.pause();
  player.removeAttribute("src");
  player.load();
}
