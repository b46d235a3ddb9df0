// SPDX-License-Identifier: Apache-2.0
/** What was used last, up to a number of bytes; the rest is dropped. */
export class Lru {
  #entries = new Map();
  #dropped;

  constructor(maxBytes, dropped = () => {}) {
    this.maxBytes = maxBytes;
    this.bytes = 0;
    this.#dropped = dropped;
  }

  get size() {
    return this.#entries.size;
  }

  get(key) {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key, value, bytes) {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.bytes += bytes;
    while (this.bytes > this.maxBytes && this.#entries.size > 1) this.delete(this.#entries.keys().next().value);
  }

  delete(key) {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.bytes -= entry.bytes;
    this.#dropped(entry.value);
  }

  clear() {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}
