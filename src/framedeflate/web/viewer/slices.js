// SPDX-License-Identifier: Apache-2.0
// One slice at a time: the source's frame in its window, the segments that lie on it over it.
import { announce, el, isTyping } from "./dom.js";
import { listenForGestures } from "./gestures.js";
import { rangeOf, valuesOf } from "./image_pixel.js";
import { blendFrame, isGrey, paintFrame, paintNothing, windowOf } from "./paint.js";
import { ownPlanes, pixelLookup, sourcePlanes } from "./planes.js";
import { View } from "./tiles.js";

const AHEAD = 2; // slices on each side that are fetched before they are asked for
const WHEEL_STEP = 40; // pixels of the wheel a slice
const KEYS = "Up and down: slices. Plus and minus: zoom. Shift and arrows: window. I: invert. 0: fit.";

export class SlicesView {
  #leaving = new AbortController();
  #current = null; // AbortController of the slice that is on its way
  #loaded = null; // { plane, base, overlays } as it is drawn
  #lookups = new Map();
  #wheel = 0;

  constructor({ image, source, look, frames, start, moved }) {
    Object.assign(this, { image, source, look, frames, moved });
    this.canvas = el("canvas", { class: "picture", role: "img", "aria-label": "No slice yet" });
    this.note = el("p", { class: "note", role: "alert", hidden: true });
    this.corner = el("div", { class: "corner", "aria-hidden": "true" });
    this.windowCorner = el("div", { class: "corner right", "aria-hidden": "true" });
    this.stage = el(
      "div",
      { class: "stage", tabindex: 0, role: "application", "aria-label": `Slices. ${KEYS}` },
      this.canvas,
      this.corner,
      this.windowCorner,
      this.note,
    );
    this.slider = el("input", { type: "range", min: 1, value: 1, "aria-label": "Slice" });
    this.counter = el("output", { class: "number" });
    this.element = el("div", { class: "viewer" }, this.stage, el("div", { class: "slider" }, this.slider, this.counter));
    this.#listen();
    this.#plan();
    this.show(start === null ? this.#firstOfInterest() : this.#planeOfFrame(start));
  }

  destroy() {
    this.#leaving.abort();
    this.#current?.abort();
    this.observer.disconnect();
  }

  reload() {
    this.show(this.index);
  }

  /** The source arrived, or is gone. */
  setSource(source) {
    const frame = this.planes[this.index]?.overlays[0] ?? null;
    this.source = source;
    this.#plan();
    this.show(frame === null ? this.#firstOfInterest() : this.#planeOfFrame(frame));
  }

  #plan() {
    const based = this.source && this.look.showSource;
    const { planes, unplaced } = based ? sourcePlanes(this.image, this.source) : { planes: ownPlanes(this.image), unplaced: 0 };
    // None of the Frames lies on the source: what is shown then is the Segmentation by itself.
    const nowhere = based && unplaced === this.image.frameCount;
    this.planes = nowhere ? ownPlanes(this.image) : planes;
    this.base = nowhere || !based ? (this.image.segmentation ? null : this.image) : this.source;
    this.unplaced = nowhere ? 0 : unplaced;
    this.nowhere = nowhere;
    this.#lookups.clear();
    this.slider.max = this.planes.length;
    this.view = null;
  }

  #firstOfInterest() {
    if (!this.image.segmentation) return 0;
    const having = this.planes.flatMap(({ overlays }, index) => (overlays.length ? [index] : []));
    return having[having.length >> 1] ?? 0;
  }

  #planeOfFrame(index) {
    const found = this.planes.findIndex(({ base, overlays }) => (this.image.segmentation ? overlays.includes(index) : base === index));
    return found < 0 ? this.#firstOfInterest() : found;
  }

  async show(index) {
    this.index = Math.min(this.planes.length - 1, Math.max(0, index));
    this.slider.value = this.index + 1;
    this.slider.setAttribute("aria-valuetext", `Slice ${this.index + 1} of ${this.planes.length}`);
    this.counter.textContent = `${this.index + 1} / ${this.planes.length}`;
    const plane = this.planes[this.index];
    this.moved(plane.overlays[0] ?? (this.image.segmentation ? null : plane.base));
    this.#current?.abort();
    this.#current = new AbortController();
    const { signal } = this.#current;
    this.stage.setAttribute("aria-busy", "true");
    try {
      const [base, overlays] = await this.#fetch(plane, signal, 0);
      this.#loaded = { plane, base, overlays };
      this.#draw();
      this.#say("");
      this.stage.removeAttribute("aria-busy");
      announce(this.canvas.getAttribute("aria-label"));
      for (let step = 1; step <= AHEAD; step++) {
        for (const near of [this.index + step, this.index - step]) {
          if (this.planes[near]) this.#fetch(this.planes[near], signal, step).catch(() => {});
        }
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      this.stage.removeAttribute("aria-busy");
      this.#say(error.message);
    }
  }

  #fetch({ base, overlays }, signal, priority) {
    const options = { signal, priority };
    return Promise.all([
      base === null ? null : this.frames.get(this.base, base, options),
      Promise.all(overlays.map((index) => this.frames.get(this.image, index, options))),
    ]);
  }

  #say(message) {
    this.note.hidden = !message;
    this.note.textContent = message;
  }

  #draw() {
    if (!this.#loaded) return;
    const { plane, base, overlays } = this.#loaded;
    const [shown, at] = this.base ? [this.base, plane.base] : [this.image, plane.overlays[0]];
    const { rows, columns, aspect } = shown.pixels[shown.pixels.length > 1 ? at : 0];
    const picture = new ImageData(columns, rows);
    if (base) paintFrame(this.base, plane.base, base, this.look, picture.data);
    else paintNothing(picture.data);
    let apart = 0;
    // Over nothing there is nothing to shine through.
    const { look } = this;
    const overlaid = base ? look : { opacity: 1, isVisible: (number) => look.isVisible(number) };
    plane.overlays.forEach((index, place) => {
      const lookup = base ? this.#lookup(plane.base, index) : null;
      if (lookup === undefined) apart += 1;
      else blendFrame(this.image, index, overlays[place], overlaid, lookup, picture.data);
    });
    this.canvas.width = columns;
    this.canvas.height = rows;
    this.canvas.getContext("2d").putImageData(picture, 0, 0);
    this.aspect = this.#aspectOf(shown, at, aspect);
    this.#place();
    this.#describe(plane, base, apart);
  }

  #aspectOf({ frames }, index, aspect) {
    const [row, column] = frames.spacing ? frames.spacing.slice(index * 2, index * 2 + 2) : [];
    return row > 0 && column > 0 ? row / column : aspect;
  }

  // One lookup does for all Frames that lie on each other in the same way, which is nearly always all of them.
  #lookup(baseIndex, index) {
    const key = `${baseIndex} ${index}`;
    if (!this.#lookups.has(key)) {
      if (this.#lookups.size > 32) this.#lookups.clear();
      this.#lookups.set(key, pixelLookup(this.base, baseIndex, this.image, index));
    }
    return this.#lookups.get(key);
  }

  #describe(plane, base, apart) {
    const numbers = plane.overlays.map((index) => this.image.frames.segment?.[index]).filter(Boolean);
    const labels = this.image.segmentation?.kind === "LABELMAP" ? [] : numbers.map((number) => this.#label(number));
    const parts = [`Slice ${this.index + 1} of ${this.planes.length}`];
    if (labels.length) parts.push(`segments ${labels.join(", ")}`);
    else if (this.image.segmentation && !plane.overlays.length) parts.push("no segment here");
    this.canvas.setAttribute("aria-label", parts.join("; "));
    const lines = [];
    if (plane.distance !== null) lines.push(`${plane.distance.toFixed(1)} mm`);
    if (plane.overlays.length) lines.push(`frame ${plane.overlays.map((index) => index + 1).slice(0, 12).join(", ")}`);
    else if (this.image.segmentation) lines.push("no segment on this slice");
    if (apart) lines.push("The segments cannot be laid on this image: nothing says where they are.");
    if (this.unplaced) lines.push(`${this.unplaced} frames lie on no stored slice`);
    if (this.nowhere) lines.push("No frame lies on the stored source: the segments are shown alone.");
    this.corner.replaceChildren(...lines.map((line) => el("div", {}, line)));
    const window = base && this.base && isGrey(this.base) ? (this.look.window ?? windowOf(this.base, plane.base, base.bytes)) : null;
    this.windowCorner.textContent = window ? `C ${round(window.center)}  W ${round(window.width)}${this.look.invert ? "  inverted" : ""}` : "";
  }

  #label(number) {
    return this.image.segmentation.segments.find((one) => one.number === number)?.label ?? String(number);
  }

  #place() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const size = { columns: this.canvas.width, rows: this.canvas.height * this.aspect };
    if (!this.view || this.view.matrix.columns !== size.columns || this.view.matrix.rows !== size.rows) {
      this.view = new View(size);
      this.fitted = true;
    }
    this.view.size = { width, height };
    if (this.fitted) this.view.fit();
    const { left, top } = this.view.rectangle;
    const { style } = this.canvas;
    style.width = `${size.columns * this.view.scale}px`;
    style.height = `${size.rows * this.view.scale}px`;
    style.transform = `translate(${-left * this.view.scale}px, ${-top * this.view.scale}px)`;
  }

  #zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    if (!this.view) return;
    this.fitted = false;
    this.view.zoomAt(factor, x, y);
    this.#place();
  }

  #pan(x, y) {
    if (!this.view) return;
    this.fitted = false;
    this.view.moveBy(x, y);
    this.#place();
  }

  /** Move the window by shares of its width. */
  #shiftWindow(center, width) {
    if (!this.base || !isGrey(this.base) || !this.#loaded?.base) return;
    const { plane, base } = this.#loaded;
    const window = this.look.window ?? windowOf(this.base, plane.base, base.bytes);
    const least = this.#isFloat() ? 1e-9 : 1;
    this.look.set("window", {
      ...window,
      center: window.center + center * window.width,
      width: Math.max(least, window.width * (1 + width)),
    });
  }

  #isFloat() {
    return this.base.pixels[0].float;
  }

  /** Least and most of what is shown, as a window. */
  fullRange() {
    const { plane, base } = this.#loaded ?? {};
    if (!base || base.rgba) return null;
    const pixel = this.base.pixels[this.base.pixels.length > 1 ? plane.base : 0];
    return rangeOf(valuesOf(base.bytes, pixel));
  }

  #listen() {
    const { signal } = this.#leaving;
    this.slider.addEventListener("input", () => this.show(this.slider.valueAsNumber - 1), { signal });
    this.look.addEventListener("change", ({ detail }) => {
      if (detail === "showSource") this.setSource(this.source);
      else this.#draw();
    }, { signal });
    listenForGestures(
      this.stage,
      {
        drag: (x, y, event) => {
          const panning = event.shiftKey || event.buttons === 4 || !this.base || !isGrey(this.base);
          if (panning) this.#pan(-x, -y);
          else this.#shiftWindow(y / 300, x / 300);
        },
        pinch: (factor, x, y) => this.#zoom(factor, x, y),
        wheel: (distance, x, y, event) => {
          if (event.ctrlKey || event.metaKey) this.#zoom(2 ** (-distance / 200), x, y);
          else this.#leaf(distance);
        },
      },
      signal,
    );
    this.stage.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.observer = new ResizeObserver(() => this.#loaded && this.#place());
    this.observer.observe(this.stage);
  }

  #leaf(distance) {
    this.#wheel += distance;
    const steps = Math.trunc(this.#wheel / WHEEL_STEP);
    if (!steps) return;
    this.#wheel -= steps * WHEEL_STEP;
    this.show(this.index + Math.sign(steps) * Math.min(5, Math.abs(steps)));
  }

  #key(event) {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.planes.length - 1;
    const window = { ArrowUp: [0.05, 0], ArrowDown: [-0.05, 0], ArrowLeft: [0, -0.1], ArrowRight: [0, 0.1] };
    const actions = {
      ArrowDown: () => this.show(this.index + 1),
      ArrowRight: () => this.show(this.index + 1),
      ArrowUp: () => this.show(this.index - 1),
      ArrowLeft: () => this.show(this.index - 1),
      PageDown: () => this.show(this.index + 10),
      PageUp: () => this.show(this.index - 10),
      Home: () => this.show(0),
      End: () => this.show(last),
      "+": () => this.#zoom(1.25),
      "=": () => this.#zoom(1.25),
      "-": () => this.#zoom(0.8),
      0: () => {
        this.view = null;
        this.#place();
      },
      i: () => this.look.set("invert", !this.look.invert),
      r: () => this.look.set("window", null),
    };
    const action = event.shiftKey && window[event.key] ? () => this.#shiftWindow(...window[event.key]) : actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

const round = (number) => (Math.abs(number) >= 100 ? Math.round(number) : Number(number.toPrecision(3)));
