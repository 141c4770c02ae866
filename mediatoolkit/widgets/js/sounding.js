// Speech that sounds while it is made: pieces of 16-bit samples, one after the other without a gap.

import { button } from "./page.js";

const LEAD = 0.12; // seconds between the arrival of the first piece and its sound
const PATIENCE = 1500; // milliseconds until the player that follows must be on the page
const VOICE = Symbol.for("mediatoolkit.voice"); // who speaks on this page; two at once are not understood

/** One voice. Its pieces wait until somebody looks at the job. */
export class Voice extends EventTarget {
  context = null;
  muted = false;
  over = false;
  #waiting = [];
  #queued = 0; // seconds
  #end = 0; // clock of the context

  /** "silent", "sounding", "heard", "muted", or "blocked" until somebody presses Play. */
  get state() {
    if (this.over || !this.#queued) return "silent";
    if (!this.context || this.context.state === "suspended") return "blocked";
    if (this.muted) return "muted";
    return this.heard < this.#queued ? "sounding" : "heard";
  }

  /** Seconds that were heard. */
  get heard() {
    return this.context ? this.#queued - Math.max(0, this.#end - this.context.currentTime) : 0;
  }

  get queued() {
    return this.#queued;
  }

  /** How loud it is now, 0 to 1. */
  get level() {
    if (this.state !== "sounding") return 0;
    const wave = new Float32Array(this.ear.fftSize);
    this.ear.getFloatTimeDomainData(wave);
    return Math.min(1, (3 * Math.hypot(...wave)) / Math.sqrt(wave.length));
  }

  add(pcm, rate, channels) {
    if (this.over) return;
    const bytes = pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength);
    const samples = new Int16Array(bytes);
    const length = samples.length / channels;
    const buffer = new AudioBuffer({ length, numberOfChannels: channels, sampleRate: rate });
    for (let channel = 0; channel < channels; channel++) {
      const output = buffer.getChannelData(channel);
      for (let i = 0; i < output.length; i++) output[i] = samples[i * channels + channel] / 32768;
    }
    this.#queued += buffer.duration;
    if (this.context) this.#schedule(buffer);
    else this.#waiting.push(buffer);
    this.#tell();
  }

  /** Begin to sound, unless another voice does; *asked* is a click. */
  start(asked = false) {
    const other = window[VOICE];
    if (this.over || !this.#queued || (this.context && !asked)) return;
    if (other && other !== this) {
      if (!asked && other.state === "sounding") return;
      other.stop();
    }
    window[VOICE] = this;
    if (!this.context) this.#open();
    this.context.resume().catch(() => {}); // without a gesture it waits for the button
    this.#tell();
  }

  mute(muted) {
    this.muted = muted;
    if (this.gain) this.gain.gain.value = muted ? 0 : 1;
    this.#tell();
  }

  stop() {
    if (this.over) return;
    this.over = true;
    this.#waiting = [];
    this.context?.close();
    if (window[VOICE] === this) window[VOICE] = undefined;
    this.#tell();
  }

  #open() {
    this.context = new AudioContext({ sampleRate: this.#waiting[0].sampleRate });
    this.context.onstatechange = () => this.#tell();
    this.gain = this.context.createGain();
    this.gain.gain.value = this.muted ? 0 : 1;
    this.ear = this.context.createAnalyser();
    this.gain.connect(this.ear).connect(this.context.destination);
    for (const buffer of this.#waiting.splice(0)) this.#schedule(buffer);
  }

  #schedule(buffer) {
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain);
    const now = this.context.currentTime;
    if (this.#end <= now) this.#end = now + LEAD; // the first one, or one that came too late
    source.start(this.#end);
    this.#end += buffer.duration;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Where on the page a view stands; asked while it is there. */
export function placeOf(el) {
  const child = el.closest(".jp-OutputArea-child");
  const area = child?.parentElement;
  return area ? { area, index: [...area.children].indexOf(child) } : null;
}

/** What was heard goes on in the player that has taken the place of the view. */
export async function handOver(voice, place) {
  const player = voice.muted || voice.state === "silent" ? null : await playerAt(place);
  if (!player || voice.over) return voice.stop();
  const whole = Math.abs(player.duration - voice.queued) < 1;
  if (voice.state === "blocked" || (whole && voice.heard >= voice.queued)) return voice.stop();
  player.addEventListener("play", () => voice.stop(), { once: true });
  if (!whole) return playOn(voice, player); // a long text: the small copy holds its beginning only
  player.currentTime = voice.heard;
  player.play().catch(() => voice.stop());
}

/** The native player at *place*, ready to play; null when none comes. */
async function playerAt(place) {
  if (!place) return null;
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    const player = place.area.children[place.index]?.querySelector("audio");
    if (player?.readyState > 0) return player;
    await new Promise((done) => setTimeout(done, 20));
  }
  return null;
}

/** The rest of a long text, with a button that ends it. */
function playOn(voice, player) {
  const stop = button("Stop the voice", () => voice.stop());
  player.after(stop);
  const timer = setInterval(() => {
    if (!player.isConnected || voice.state === "heard") voice.stop();
    if (!voice.over) return;
    clearInterval(timer);
    stop.remove();
  }, 100);
}
