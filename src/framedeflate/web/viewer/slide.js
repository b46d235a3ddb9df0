// SPDX-License-Identifier: Apache-2.0
// A slide: tiles where they lie in the Total Pixel Matrix, as many as are seen and no more.
import { announce, count, el, isTyping } from "./dom.js";
import { listenForGestures } from "./gestures.js";
import { Lru } from "./lru.js";
import { Layer, levelFor } from "./slide_layers.js";
import { View } from "./tiles.js";

const PICTURE_BYTES = 128 << 20;
const AT_ONCE = 24;
const BACKDROP_TILES = 64; // of the coarsest level, while a finer one loads
const DRAWING_SHARE = 0.2; // of the time, while tiles arrive: the rest is for getting them
const KEYS = "Arrow keys: move. Plus and minus: zoom. 0: the whole. 1: one pixel a pixel. Home: first corner.";

export class SlideView {
  #leaving = new AbortController();
  #pictures = new Lru(PICTURE_BYTES, ({ bitmap }) => bitmap.close());
  #coming = new Map(); // by key: AbortController
  #queue = [];
  #failed = new Map();
  #seen = [];
  #drawnAt = 0;
  #drawing = 0; // milliseconds that it took
  #waiting = 0;

  constructor({ image, levels, look, frames, place, moved }) {
    Object.assign(this, { image, look, frames, moved });
    this.levels = levels;
    this.plane = 0;
    this.path = 0;
    this.canvas = el("canvas", { class: "slide", role: "img", "aria-label": "Slide" });
    this.note = el("p", { class: "note", role: "alert", hidden: true });
    this.corner = el("div", { class: "corner", "aria-hidden": "true" });
    const label = `Slide. ${KEYS}`;
    this.stage = el("div", { class: "stage", tabindex: 0, role: "application", "aria-label": label, "aria-busy": "true" }, this.canvas, this.corner, this.note);
    this.element = el("div", { class: "viewer" }, this.stage, this.#choices());
    this.view = new View(image.matrix);
    this.start = place;
    this.#build();
    this.#listen();
  }

  destroy() {
    this.#leaving.abort();
    this.observer.disconnect();
    this.#forget();
  }

  /** Levels of the slide that the segments were made from. */
  setLevels(levels) {
    this.levels = levels;
    this.#build();
    this.#plan();
  }

  reload() {
    this.#failed.clear();
    this.#forget();
    this.#plan();
  }

  #forget() {
    for (const controller of this.#coming.values()) controller.abort();
    this.#coming.clear();
    this.#queue = [];
    this.#pictures.clear();
  }

  #choices() {
    const most = (column) => column.reduce((found, one) => Math.max(found, one), 0) + 1;
    const { plane, path } = this.image.frames;
    const choice = (name, label, number) => {
      if (number < 2) return null;
      const options = Array.from({ length: number }, (_, index) => el("option", { value: index }, String(index + 1)));
      const select = el("select", { onchange: () => this.#choose(name, Number(select.value)) }, options);
      return el("label", {}, label, " ", select);
    };
    const paths = this.image.segmentation ? 1 : most(path);
    return el("div", { class: "choices" }, choice("plane", "Focal plane", most(plane)), choice("path", "Optical path", paths));
  }

  #choose(name, value) {
    this[name] = value;
    this.#forget();
    this.#build();
    this.#plan();
  }

  #build() {
    const world = this.image.matrix;
    const options = { plane: this.plane, path: this.path };
    const own = new Layer(this.image, world, options);
    const others = this.levels.map((level) => new Layer(level, world, options)).filter(({ place }) => place);
    this.bases = (own.isOverlay ? others : [own, ...others]).sort((one, other) => one.place.scaleX - other.place.scaleX);
    this.overlay = own.isOverlay ? own : null;
    this.layers = [...this.bases, ...(this.overlay ? [this.overlay] : [])];
    this.layers.forEach((layer, index) => (layer.id = `${layer.image.instances[0]}/${index}`));
  }

  get #pixels() {
    return window.devicePixelRatio || 1;
  }

  // Which tiles are seen now, in the order in which they are drawn; and what is missing, in the order of its worth.
  #plan() {
    if (!this.stage.clientWidth) return;
    const { rectangle, scale } = this.view;
    const screen = scale * this.#pixels;
    this.#seen = [];
    const add = (layer) => {
      for (const index of layer.within(rectangle, this.look)) this.#seen.push({ layer, index, key: `${layer.id}/${index}` });
    };
    if (this.bases.length && this.look.showSource) {
      const [level, coarsest] = [levelFor(this.bases, screen), this.bases.at(-1)];
      if (level !== coarsest && coarsest.image.frameCount <= BACKDROP_TILES) add(coarsest);
      add(level);
    }
    if (this.overlay) add(this.overlay);
    const wanted = new Set(this.#seen.map(({ key }) => key));
    for (const [key, controller] of this.#coming) if (!wanted.has(key)) controller.abort();
    this.#queue = this.#seen.filter((tile) => !this.#isThere(tile) && !this.#failed.has(tile.key));
    this.#pump();
    if (this.#coming.size) this.#draw();
    const { x, y } = this.view;
    this.moved({ x: Math.round(x), y: Math.round(y), scale: Number(scale.toPrecision(4)) });
  }

  // A small picture does for a tile that is seen small: the whole slide fits in bounded memory.
  #reduction(layer) {
    const shown = layer.place.scaleX * this.view.scale * this.#pixels;
    return Math.max(0, Math.min(8, Math.floor(Math.log2(1 / shown))));
  }

  #isThere({ layer, key }) {
    const found = this.#pictures.get(key);
    return Boolean(found) && found.reduction === this.#reduction(layer) && found.version === layer.version;
  }

  #pump() {
    while (this.#queue.length && this.#coming.size < AT_ONCE) {
      const tile = this.#queue.shift();
      if (!this.#coming.has(tile.key)) this.#get(tile);
    }
    if (this.#coming.size) {
      this.stage.setAttribute("aria-busy", "true");
      return;
    }
    this.#draw();
    this.stage.removeAttribute("aria-busy");
    announce(this.canvas.getAttribute("aria-label"));
  }

  async #get({ layer, index, key }) {
    const controller = new AbortController();
    this.#coming.set(key, controller);
    const [reduction, version] = [this.#reduction(layer), layer.version];
    try {
      const frame = await this.frames.get(layer.image, index, { signal: controller.signal, priority: layer.isOverlay ? 0 : 1 });
      const bitmap = await bitmapOf(layer.picture(index, frame, this.look), layer.rectangle(index), reduction);
      if (controller.signal.aborted) bitmap.close();
      else this.#pictures.set(key, { bitmap, reduction, version }, bitmap.width * bitmap.height * 4 + 256);
    } catch (error) {
      if (error.name !== "AbortError") this.#failed.set(key, error.message);
    }
    if (this.#coming.get(key) === controller) this.#coming.delete(key);
    if (this.#leaving.signal.aborted) return;
    this.#pump();
    if (this.#coming.size) this.#drawSoon();
  }

  #drawSoon() {
    if (this.#waiting) return;
    const due = this.#drawnAt + this.#drawing / DRAWING_SHARE;
    const pause = this.#coming.size ? Math.min(500, Math.max(0, due - performance.now())) : 0;
    this.#waiting = setTimeout(() => {
      this.#waiting = 0;
      requestAnimationFrame(() => this.#draw());
    }, pause);
  }

  #draw() {
    if (this.#leaving.signal.aborted) return;
    const begun = performance.now();
    const pixels = this.#pixels;
    const { canvas, view } = this;
    const [width, height] = [Math.round(view.size.width * pixels), Math.round(view.size.height * pixels)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const { left, top } = view.rectangle;
    const scale = view.scale * pixels;
    // Edges are rounded, not sizes, so that neither seams nor overlaps show between tiles.
    const [toX, toY] = [(x) => Math.round((x - left) * scale), (y) => Math.round((y - top) * scale)];
    context.fillStyle = this.bases.length && this.look.showSource ? "#f2f2f2" : "#000";
    const { columns, rows } = this.image.matrix;
    context.fillRect(toX(0), toY(0), toX(columns) - toX(0), toY(rows) - toY(0));
    let there = 0;
    for (const { layer, index, key } of this.#seen) {
      const found = this.#pictures.get(key);
      if (!found) continue;
      there += 1;
      const place = layer.rectangle(index);
      const [x, y] = [toX(place.left), toY(place.top)];
      context.globalAlpha = layer.isOverlay && this.bases.length && this.look.showSource ? this.look.opacity : 1;
      context.imageSmoothingEnabled = scale * layer.place.scaleX < 1;
      context.drawImage(found.bitmap, x, y, toX(place.right) - x, toY(place.bottom) - y);
    }
    context.globalAlpha = 1;
    this.#describe(there);
    clearTimeout(this.#waiting);
    this.#waiting = 0;
    this.#drawnAt = performance.now();
    this.#drawing = this.#drawnAt - begun;
  }

  #describe(there) {
    const { columns, rows } = this.image.matrix;
    const percent = Number((this.view.scale * 100).toPrecision(2));
    const tiles = `${there} of ${count(this.#seen.length, "tile")}`;
    this.canvas.setAttribute("aria-label", `Slide of ${columns} by ${rows} pixels at ${percent} percent, ${tiles}`);
    this.canvas.dataset.view = JSON.stringify(this.view.rectangle);
    this.canvas.dataset.scale = this.view.scale;
    this.corner.replaceChildren(el("div", {}, `${percent} %`), el("div", {}, `${tiles} here`));
    const failed = this.#seen.filter(({ key }) => this.#failed.has(key));
    this.note.hidden = !failed.length;
    this.note.textContent = failed.length ? `${count(failed.length, "tile")} missing. ${this.#failed.get(failed[0].key)}` : "";
  }

  #listen() {
    const { signal } = this.#leaving;
    const move = (x, y) => {
      this.view.moveBy(x, y);
      this.#plan();
    };
    listenForGestures(
      this.stage,
      {
        drag: (x, y) => move(-x, -y),
        pinch: (factor, x, y) => this.#zoom(factor, x, y),
        wheel: (distance, x, y) => this.#zoom(2 ** (-distance / 240), x, y),
      },
      signal,
    );
    this.look.addEventListener("change", ({ detail }) => {
      const made = { segments: (layer) => layer.image.segmentation?.kind === "LABELMAP", window: isBase, invert: isBase }[detail];
      for (const layer of this.layers) if (made?.(layer)) layer.version += 1;
      if (detail === "opacity") this.#drawSoon();
      else this.#plan();
    }, { signal });
    this.stage.addEventListener("keydown", (event) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = event.shiftKey ? 8 : 80;
      const actions = {
        ArrowLeft: () => move(-step, 0),
        ArrowRight: () => move(step, 0),
        ArrowUp: () => move(0, -step),
        ArrowDown: () => move(0, step),
        PageUp: () => move(0, -this.view.size.height * 0.9),
        PageDown: () => move(0, this.view.size.height * 0.9),
        "+": () => this.#zoom(1.5),
        "=": () => this.#zoom(1.5),
        "-": () => this.#zoom(1 / 1.5),
        0: () => {
          this.view.fit();
          this.#plan();
        },
        1: () => this.#zoom(1 / this.view.scale / this.#pixels),
        Home: () => {
          const { width, height } = this.view.size;
          Object.assign(this.view, { x: width / 2 / this.view.scale, y: height / 2 / this.view.scale });
          this.#plan();
        },
      };
      if (!actions[event.key]) return;
      event.preventDefault();
      actions[event.key]();
    }, { signal });
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.stage);
  }

  #resize() {
    const first = this.view.size.width === 1;
    const fitted = this.view.scale === this.view.fitScale;
    this.view.size = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    if (first && this.start) Object.assign(this.view, this.start);
    else if (first || fitted) this.view.fit();
    this.#plan();
  }

  #zoom(factor, x = this.view.size.width / 2, y = this.view.size.height / 2) {
    this.view.zoomAt(factor, x, y);
    this.#plan();
  }
}

const isBase = (layer) => !layer.isOverlay;

function bitmapOf(picture, { columns, rows }, reduction) {
  if (!reduction) return createImageBitmap(picture, 0, 0, columns, rows);
  const size = (full) => Math.max(1, Math.round(full / 2 ** reduction));
  return createImageBitmap(picture, 0, 0, columns, rows, { resizeWidth: size(columns), resizeHeight: size(rows), resizeQuality: "medium" });
}
