// A file that comes from the kernel piece by piece: the page asks for the next when it has one.

import { make, megabytes, toast } from "./page.js";

const WAITING = new Map(); // token with which the next piece is asked for -> the download
const KEPT = 60000; // milliseconds after which a browser has surely begun to save a file

export class Download {
  #parts = [];
  received = 0;

  /** A piece of the file that *token* asks for has come. */
  static receive(token, buffers) {
    WAITING.get(token)?.#take(buffers);
  }

  /** *ask* sends a token to the kernel; *progress* is called for each piece, *done* with the parts. */
  constructor({ more, bytes }, ask, { progress, done }) {
    Object.assign(this, { more, bytes, ask, progress, done });
  }

  begin() {
    WAITING.set(this.more, this);
    this.ask(this.more);
    return this;
  }

  /** Want no more of it. */
  end() {
    WAITING.delete(this.more);
    this.#parts = [];
  }

  #take(buffers) {
    this.#parts.push(...buffers);
    for (const part of buffers) this.received += part.byteLength;
    this.progress?.(`${megabytes(this.received)} of ${megabytes(this.bytes)}`);
    if (this.received < this.bytes) return this.ask(this.more);
    const parts = this.#parts;
    this.end();
    this.done(parts);
  }
}

/** Fetch a file and save it as the browser saves what is clicked on. */
export function saveFile(file, ask, near) {
  const { name, type } = file;
  toast(`Saving ${name}, ${megabytes(file.bytes)}`, near, "status");
  const download = new Download(file, ask, {
    done(parts) {
      const href = URL.createObjectURL(new Blob(parts, { type }));
      make("a", "", { href, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(href), KEPT);
    },
  });
  download.begin();
}
