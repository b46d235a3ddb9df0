// SPDX-License-Identifier: Apache-2.0
// All Frames in a grid. Only the cells that are seen exist, so that 200 000 Frames cost what a screenful costs.
import { announce, el } from "./dom.js";
import { pictureOf } from "./paint.js";

const CELL = { width: 148, height: 172, picture: 132 };
const MARGIN_ROWS = 2; // beyond what is seen, so that scrolling finds something
// Browsers cut elements off at some 17 to 33 million pixels.
const MAX_HEIGHT = 15_000_000;

export class GridView {
  #leaving = new AbortController();
  #cells = new Map(); // by index: { element, canvas, controller }
  #focus = 0;

  constructor({ image, look, frames, start, moved, open }) {
    Object.assign(this, { image, look, frames, moved, open });
    this.#focus = start ?? 0;
    this.sizer = el("div", { class: "sizer", role: "presentation" });
    this.element = el(
      "div",
      {
        class: "grid",
        role: "listbox",
        "aria-label": `Frames. Arrow keys: choose. Enter: open as a slice.`,
        tabindex: 0,
      },
      this.sizer,
    );
    const { signal } = this.#leaving;
    this.element.addEventListener("scroll", () => this.#wake(), { signal, passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.look.addEventListener("change", () => this.#repaint(), { signal });
    this.observer = new ResizeObserver(() => this.#layout());
    this.observer.observe(this.element);
  }

  destroy() {
    this.#leaving.abort();
    this.observer.disconnect();
    for (const { controller } of this.#cells.values()) controller.abort();
  }

  reload() {
    for (const index of [...this.#cells.keys()]) this.#drop(index);
    this.#fill();
  }

  get #rowHeight() {
    return Math.min(CELL.height, MAX_HEIGHT / this.rows);
  }

  #layout() {
    const columns = Math.max(1, Math.floor((this.element.clientWidth - 16) / CELL.width));
    if (!this.element.clientHeight) return;
    if (columns !== this.columns) {
      this.columns = columns;
      this.rows = Math.ceil(this.image.frameCount / columns);
      this.sizer.style.height = `${this.rows * this.#rowHeight}px`;
      for (const index of [...this.#cells.keys()]) this.#drop(index);
      this.#scrollTo(this.#focus);
    }
    this.#fill();
  }

  #wake() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#fill();
    });
  }

  // In a list beyond a browser's height rows overlap in their places; they are drawn from the first that is seen on.
  #fill() {
    const { scrollTop, clientHeight } = this.element;
    const top = Math.floor(scrollTop / this.#rowHeight);
    const shown = Math.ceil(clientHeight / CELL.height);
    const first = Math.max(0, top - MARGIN_ROWS) * this.columns;
    const end = Math.min(this.image.frameCount, (top + shown + MARGIN_ROWS + 1) * this.columns);
    for (const index of [...this.#cells.keys()]) if (index < first || index >= end) this.#drop(index);
    for (let index = first; index < end; index++) {
      if (!this.#cells.has(index)) this.#add(index, index >= top * this.columns && index < (top + shown) * this.columns ? 0 : 1);
      const row = Math.floor(index / this.columns);
      const y = top * this.#rowHeight + (row - top) * CELL.height;
      this.#cells.get(index).element.style.transform = `translate(${8 + (index % this.columns) * CELL.width}px, ${y}px)`;
    }
    const active = this.#cells.get(this.#focus);
    if (active) this.element.setAttribute("aria-activedescendant", active.element.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #add(index, priority) {
    const canvas = el("canvas", { width: CELL.picture, height: CELL.picture });
    const caption = this.#caption(index);
    const element = el(
      "div",
      {
        class: "cell",
        id: `frame-${index + 1}`,
        role: "option",
        "aria-selected": String(index === this.#focus),
        "aria-setsize": this.image.frameCount,
        "aria-posinset": index + 1,
        "aria-label": `Frame ${index + 1}${caption ? `, ${caption}` : ""}`,
        "aria-busy": "true",
        onclick: () => this.#choose(index),
        ondblclick: () => this.open(index),
      },
      canvas,
      el("div", { class: "caption" }, el("span", { class: "number" }, String(index + 1)), " ", el("bdi", {}, caption)),
    );
    const controller = new AbortController();
    const cell = { element, canvas, controller, frame: null };
    this.#cells.set(index, cell);
    this.sizer.append(element);
    this.frames.get(this.image, index, { signal: controller.signal, priority }).then(
      (frame) => {
        cell.frame = frame;
        this.#paint(index, cell);
        element.removeAttribute("aria-busy");
      },
      (error) => {
        if (error.name === "AbortError") return;
        element.removeAttribute("aria-busy");
        element.classList.add("failed");
        element.title = error.message;
        sayFailure(element, error.message);
      },
    );
  }

  #drop(index) {
    const { element, controller } = this.#cells.get(index);
    controller.abort();
    element.remove();
    this.#cells.delete(index);
  }

  #paint(index, { canvas, frame }) {
    const picture = pictureOf(this.image, index, frame, { ...this.#opaque(), window: this.look.window, invert: this.look.invert });
    const whole = new OffscreenCanvas(picture.width, picture.height);
    whole.getContext("2d").putImageData(picture, 0, 0);
    const scale = Math.min(CELL.picture / picture.width, CELL.picture / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, CELL.picture, CELL.picture);
    context.imageSmoothingEnabled = scale < 1;
    context.imageSmoothingQuality = "high";
    context.drawImage(whole, (CELL.picture - width) / 2, (CELL.picture - height) / 2, width, height);
  }

  // A Frame by itself shows its segment in its full colour.
  #opaque() {
    return { opacity: 1, isVisible: (number) => this.look.isVisible(number) };
  }

  #repaint() {
    for (const [index, cell] of this.#cells) if (cell.frame) this.#paint(index, cell);
  }

  #caption(index) {
    const number = this.image.segmentation?.kind === "LABELMAP" ? 0 : this.image.frames.segment?.[index];
    if (!number) return "";
    return this.image.segmentation?.segments.find((one) => one.number === number)?.label ?? `segment ${number}`;
  }

  #choose(index) {
    const last = this.image.frameCount - 1;
    const chosen = Math.min(last, Math.max(0, index));
    this.#cells.get(this.#focus)?.element.setAttribute("aria-selected", "false");
    this.#focus = chosen;
    this.#scrollTo(chosen);
    this.#fill();
    this.#cells.get(chosen)?.element.setAttribute("aria-selected", "true");
    this.moved(chosen);
    announce(this.#cells.get(chosen)?.element.getAttribute("aria-label") ?? "");
  }

  #scrollTo(index) {
    const row = Math.floor(index / this.columns);
    const { scrollTop, clientHeight } = this.element;
    const shown = Math.max(1, Math.floor(clientHeight / CELL.height));
    const top = Math.floor(scrollTop / this.#rowHeight);
    if (row < top || scrollTop > row * this.#rowHeight) this.element.scrollTop = row * this.#rowHeight;
    else if (row >= top + shown) this.element.scrollTop = (row - shown + 1) * this.#rowHeight;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / CELL.height)) * this.columns;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, PageUp: -page, PageDown: page };
    const to = { Home: 0, End: this.image.frameCount - 1 };
    if (event.key === "Enter" || event.key === " ") this.open(this.#focus);
    else if (event.key in steps) this.#choose(this.#focus + steps[event.key]);
    else if (event.key in to) this.#choose(to[event.key]);
    else return;
    event.preventDefault();
  }
}

function sayFailure(element, message) {
  element.setAttribute("aria-label", `${element.getAttribute("aria-label")}: ${message}`);
  element.querySelector(".caption").textContent = message;
}
