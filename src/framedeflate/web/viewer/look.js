// SPDX-License-Identifier: Apache-2.0
/** How an image is looked at: which segments, how strong, which window. Raises "change". */
export class Look extends EventTarget {
  #hidden = new Set();

  constructor() {
    super();
    this.opacity = 0.5;
    this.window = null; // the image's own
    this.invert = false;
    this.showSource = true;
  }

  isVisible(number) {
    return !this.#hidden.has(number);
  }

  show(numbers, visible) {
    for (const number of numbers) {
      if (visible) this.#hidden.delete(number);
      else this.#hidden.add(number);
    }
    this.#changed("segments");
  }

  /** Set opacity, window, invert or showSource. */
  set(name, value) {
    this[name] = value;
    this.#changed(name);
  }

  #changed(what) {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }
}
