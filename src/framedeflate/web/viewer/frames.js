// SPDX-License-Identifier: Apache-2.0
// Frames on their way: a bounded number at once, the most wanted first, none that nobody waits for any more.
import { pathOf } from "./api.js";
import { Lru } from "./lru.js";
import { Refusal } from "./refusal.js";

const WORKERS = 2;
const AT_ONCE = 12;
const CACHE_BYTES = 192 << 20;
const DEFLATED = "application/x-deflate; transfer-syntax=1.2.840.10008.1.2.8.1";
const NATIVE = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";

/** How frames are asked for, by the name of the choice. */
export const TRANSPORTS = {
  auto: `${DEFLATED}, ${NATIVE};q=0.9`,
  "x-deflate": DEFLATED,
  "content-encoding": NATIVE,
};

/** Raises "traffic" whenever its figures change. */
export class Frames extends EventTarget {
  #session;
  #workers = [];
  #jobs = new Map(); // by id: on their way
  #wanted = new Map(); // by key: on their way, or waiting
  #queue = [];
  #cache = new Lru(CACHE_BYTES);
  #next = 1;

  constructor(session) {
    super();
    this.#session = session;
    this.transport = "auto";
    this.traffic = { frames: 0, wire: 0, native: 0, how: "" };
    for (let index = 0; index < WORKERS; index++) {
      const worker = new Worker(new URL("frames_worker.js", import.meta.url), { type: "module" });
      worker.addEventListener("message", ({ data }) => this.#answered(data));
      this.#workers.push(worker);
    }
  }

  get pending() {
    return this.#wanted.size;
  }

  /** Ask for frames another way from now on; what was got the old way is dropped. */
  choose(transport) {
    this.transport = transport;
    this.#cache.clear();
    this.traffic = { frames: 0, wire: 0, native: 0, how: "" };
    this.dispatchEvent(new Event("traffic"));
  }

  /** A frame's bytes, if they are here. */
  have(image, index) {
    return this.#cache.get(keyOf(image, index));
  }

  /**
   * Get a frame: { bytes, rgba }. Greater priorities wait.
   * Rejects with an AbortError once the signal says so, and with a Refusal where the server does.
   */
  async get(image, index, { signal, priority = 0 } = {}) {
    const key = keyOf(image, index);
    const found = this.#cache.get(key);
    if (found) return found;
    const pixel = image.pixels[image.pixels.length > 1 ? index : 0];
    if (pixel.tooLarge) throw new Refusal(0, "A frame of this size is too large for a browser.");
    const message = {
      type: "frame",
      url: this.#session.url(frameUrl(image, index)),
      accept: TRANSPORTS[this.transport],
      rendered: pixel.rendered ? "always" : this.transport === "auto" && "else",
      lengths: lengthsOf(pixel),
      rows: pixel.rows,
      columns: pixel.columns,
    };
    const result = await this.#ask(key, message, signal, priority);
    const frame = { bytes: result.bytes, rgba: result.rgba ?? false };
    if (!this.#cache.get(key)) this.#cache.set(key, frame, frame.bytes.length);
    return frame;
  }

  /** Get what metadata say of an instance, or of a series of instances of one frame. */
  image(path, { stack = false, signal } = {}) {
    const message = { type: "image", url: this.#session.url(`${path}/metadata`), stack };
    return this.#ask(`${path} ${stack}`, message, signal, 0);
  }

  #ask(key, message, signal, priority) {
    if (signal?.aborted) return Promise.reject(aborted());
    let job = this.#wanted.get(key);
    if (!job) {
      job = { id: this.#next++, key, message, priority, waiters: new Set(), sent: false };
      this.#wanted.set(key, job);
      this.#queue.push(job);
    }
    job.priority = Math.min(job.priority, priority);
    const answer = new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      job.waiters.add(waiter);
      signal?.addEventListener("abort", () => this.#leave(job, waiter), { once: true });
    });
    // After this turn, so that of many asked for at once the most wanted goes first.
    queueMicrotask(() => this.#pump());
    return answer;
  }

  #leave(job, waiter) {
    if (!job.waiters.delete(waiter)) return;
    waiter.reject(aborted());
    if (job.waiters.size) return;
    this.#wanted.delete(job.key);
    if (job.sent) this.#workerOf(job).postMessage({ id: job.id, type: "cancel" });
    else this.#queue.splice(this.#queue.indexOf(job), 1);
    this.dispatchEvent(new Event("traffic"));
  }

  #workerOf(job) {
    return this.#workers[job.id % WORKERS];
  }

  #pump() {
    while (this.#jobs.size < AT_ONCE && this.#queue.length) {
      const least = this.#queue.reduce((best, job, at) => (job.priority < this.#queue[best].priority ? at : best), 0);
      const [job] = this.#queue.splice(least, 1);
      this.#send(job);
    }
    this.dispatchEvent(new Event("traffic"));
  }

  #send(job) {
    job.sent = true;
    job.token = this.#session.token;
    this.#jobs.set(job.id, job);
    this.#workerOf(job).postMessage({ ...job.message, id: job.id, token: job.token });
  }

  async #answered({ id, result, error }) {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (error?.status === 401 && job.waiters.size && (await this.#session.renewToken(job.token))) {
      this.#send(job);
      return;
    }
    if (this.#wanted.get(job.key) === job) this.#wanted.delete(job.key);
    if (result?.bytes) {
      this.traffic.frames += 1;
      this.traffic.wire += result.wire;
      this.traffic.native += result.rgba ? Math.min(...job.message.lengths) : result.bytes.length;
      this.traffic.how = result.how;
    }
    for (const { resolve, reject } of job.waiters) {
      if (result) resolve(result);
      else reject(error.status < 0 ? aborted() : new Refusal(error.status, error.message));
    }
    job.waiters.clear();
    this.#pump();
  }
}

const aborted = () => new DOMException("not wanted any more", "AbortError");

const instanceOf = (image, index) => image.instances[image.frames.instance?.[index] ?? 0];
const numberOf = (image, index) => image.frames.number?.[index] ?? index + 1;
const keyOf = (image, index) => `${instanceOf(image, index)}/${numberOf(image, index)}`;

function frameUrl(image, index) {
  const path = pathOf({ study: image.study, series: image.series, instance: instanceOf(image, index) });
  return `${path}/frames/${numberOf(image, index)}`;
}

// Colours of which two pixels share one come whole where the server had to decode them.
function lengthsOf({ rows, columns, samples, bitsAllocated, frameBytes }) {
  const whole = Math.ceil((rows * columns * samples * bitsAllocated) / 8);
  return whole === frameBytes ? [frameBytes] : [frameBytes, whole];
}
