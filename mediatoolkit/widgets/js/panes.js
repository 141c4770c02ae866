// What the viewer shows a picture, a sound and a film on.

import { button, make } from "./page.js";

const STEP = 1.25; // of one press on + or one notch of the wheel
const PAN = 60; // pixels that an arrow key moves
const CLOSEST = 16; // times the size of the picture

/** A picture that can be zoomed and moved. */
export function picturePane({ facts, standIn }) {
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
    if (look.fits && event.key.startsWith("Arrow")) return; // there is nothing to move
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
    main: pane,
    shown() {
      observer.observe(pane);
      fit();
    },
    fill: (url) => {
      image.src = url;
    },
    empty: () => observer.disconnect(),
  };
}

/** Speech with its wave, and with the words that are said just now. */
export function soundPane({ facts, standIn }) {
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
    main: player,
    pause: () => player.pause(),
    empty: () => unload(player),
  };
}

export function filmPane({ facts, standIn }) {
  const { width, height } = facts;
  const player = make("video", "", {
    controls: "",
    width,
    height,
    "aria-label": facts.prompt || facts.noun,
  });
  if (standIn) player.poster = standIn;
  addCaptions(player, facts.captions);
  return {
    elements: [player],
    fill(url) {
      player.src = url;
      player.play().catch(() => {}); // a page that may not begin by itself shows the first picture
    },
    main: player,
    pause: () => player.pause(),
    empty: () => unload(player),
  };
}

/** Offer WebVTT captions; not by default, since most films have their words in the pictures. */
export function addCaptions(player, vtt) {
  if (!vtt) return;
  const src = `data:text/vtt;charset=utf-8,${encodeURIComponent(vtt)}`;
  player.append(make("track", "", { kind: "captions", label: "Captions", src }));
}

/** What cannot be read, in words. */
export function failurePane({ facts }) {
  const words = make("p", "mt-viewer-failure", { role: "alert", tabindex: "-1" }, facts.noun);
  return { elements: [words], main: words };
}

/** Without this a browser holds the file as long as it likes. */
function unload(player) {
  player.pause();
  player.removeAttribute("src");
  player.load();
}
