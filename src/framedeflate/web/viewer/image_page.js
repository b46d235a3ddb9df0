// SPDX-License-Identifier: Apache-2.0
// An image, whole: as slices, as a grid or as a slide, with what is known of it beside.
import { pathOf } from "./api.js";
import { className, date, nameLine } from "./dicom_json.js";
import { announce, bytes, count, el, nameElement } from "./dom.js";
import { GridView } from "./grid.js";
import { Look } from "./look.js";
import { isGrey } from "./paint.js";
import { routeHash } from "./routes.js";
import { SegmentsPanel } from "./segments.js";
import { SlideView } from "./slide.js";
import { SlicesView } from "./slices.js";
import { findSource, otherLevels } from "./source.js";

const NAMES = { slide: "Slide", slices: "Slices", grid: "Grid" };

export class ImagePage {
  #leaving = new AbortController();
  #view = null;
  #source = null;

  constructor({ session, frames, route, trail, replace }) {
    Object.assign(this, { session, frames, route, trail, replace });
    this.look = new Look();
    this.host = el("div", { class: "host" });
    this.tabs = el("nav", { class: "tabs", "aria-label": "Views" });
    this.panel = el("aside", { class: "side", "aria-label": "About this image" });
    this.title = el("h1", { class: "unseen" }, "Image");
    this.element = el("div", { class: "image-page", "aria-busy": "true" }, this.title, el("div", { class: "work" }, this.tabs, this.host), this.panel);
    trail([["Studies", {}], ["Study", { study: route.study }], ["Image", null]], "Image");
    this.#load();
  }

  destroy() {
    this.#leaving.abort();
    this.#view?.destroy();
  }

  /** Follow an address, if it is of this image; else false. */
  update(route) {
    const same = ["study", "series", "instance", "stack"].every((name) => route[name] === this.route[name]);
    if (!same || !this.image) return false;
    this.route = route;
    this.#show();
    return true;
  }

  reload() {
    this.#view?.reload();
  }

  async #load() {
    const { stack } = this.route;
    const { signal } = this.#leaving;
    try {
      this.image = await this.frames.image(pathOf(this.route), { stack, signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.host.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message));
      this.element.removeAttribute("aria-busy");
      return;
    }
    const { image } = this;
    const who = nameLine(image.patientName) || "Study";
    const what = image.title || className(image.sopClass);
    this.title.textContent = what;
    this.trail([["Studies", {}], [who, { study: image.study }], [what, null]], `${what}, ${who}`);
    this.#side();
    this.#show();
    this.element.removeAttribute("aria-busy");
    announce(`${what}, ${count(image.frameCount, "frame")}`);
    this.#findSource();
  }

  get #views() {
    const { matrix, frameCount } = this.image;
    return [...(matrix ? ["slide"] : []), "slices", ...(frameCount > 1 ? ["grid"] : [])];
  }

  #show() {
    const { query } = this.route;
    const view = this.#views.includes(query.view) ? query.view : this.#views[0];
    this.tabs.replaceChildren(
      ...(this.#views.length > 1 ? this.#views : []).map((name) =>
        el("a", { href: routeHash({ ...this.route, query: { view: name, frame: query.frame } }), "aria-current": name === view ? "page" : null }, NAMES[name]),
      ),
    );
    this.#view?.destroy();
    const start = this.#frameOf(query);
    const { image, look, frames } = this;
    const moved = (index) => this.#moved({ view, frame: index === null ? "" : index + 1 });
    if (view === "grid") {
      this.#view = new GridView({ image, look, frames, start, moved, open: (index) => this.#open(index) });
    } else if (view === "slide") {
      const place = ["x", "y", "scale"].every((name) => Number(query[name]) > 0) ? { x: +query.x, y: +query.y, scale: +query.scale } : null;
      this.#view = new SlideView({ image, levels: this.#source?.levels ?? [], look, frames, place, moved: (at) => this.#moved({ view, ...at }) });
    } else {
      this.#view = new SlicesView({ image, source: this.#source?.image ?? null, look, frames, start, moved });
    }
    this.host.replaceChildren(this.#view.element);
    this.host.querySelector("[tabindex='0']").focus({ preventScroll: true });
  }

  #frameOf({ frame }) {
    const index = Number(frame) - 1;
    return Number.isInteger(index) && index >= 0 && index < this.image.frameCount ? index : null;
  }

  #open(index) {
    location.hash = routeHash({ ...this.route, query: { view: this.image.matrix ? "slices" : "", frame: index + 1 } });
  }

  // Many moves a second are one change of the address: browsers refuse more than a hundred in ten seconds.
  #moved(query) {
    this.route = { ...this.route, query };
    clearTimeout(this.moving);
    this.moving = setTimeout(() => {
      if (!this.#leaving.signal.aborted) this.replace(this.route);
    }, 200);
  }

  async #findSource() {
    const { image, session, frames } = this;
    const { signal } = this.#leaving;
    try {
      if (image.segmentation) this.#source = await findSource(image, session, frames, signal);
      else if (image.matrix) this.#source = { levels: await otherLevels(image, session, frames, signal) };
      else return;
    } catch (error) {
      if (error.name !== "AbortError") this.sourceNote?.replaceChildren(`The source could not be read. ${error.message}`);
      return;
    }
    if (this.#source?.image && this.#view instanceof SlicesView) this.#view.setSource(this.#source.image);
    if (this.#source?.levels?.length && this.#view instanceof SlideView) this.#view.setLevels(this.#source.levels);
    this.#sourcePanel();
    this.#windowPanel();
  }

  #side() {
    const { image } = this;
    const [pixel] = image.pixels;
    const native = pixel.frameBytes * image.frameCount;
    const size = image.matrix ? `${image.matrix.columns}×${image.matrix.rows}, tiles of ${pixel.columns}×${pixel.rows}` : `${pixel.columns}×${pixel.rows}`;
    const facts = [
      ["Patient", nameElement(image.patientName)],
      ["Patient ID", image.patientId],
      ["Date", date(image.studyDate)],
      ["Kind", [className(image.sopClass), image.segmentation?.kind.toLowerCase()].filter(Boolean).join(", ")],
      ["Pixels", `${size}, ${pixel.samples > 1 ? `${pixel.samples}×` : ""}${pixel.bitsAllocated} bit`],
      ["Frames", `${image.frameCount.toLocaleString("en")}, ${bytes(native)} native`],
    ].filter(([, fact]) => fact);
    this.windowSection = el("section", { class: "panel", "aria-label": "Window", hidden: true });
    this.sourceSection = el("section", { class: "panel", "aria-label": "Source", hidden: true });
    this.panel.replaceChildren(
      el("dl", { class: "facts small" }, facts.map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, typeof fact === "string" ? el("bdi", {}, fact) : fact)))),
      ...(image.segmentation ? [new SegmentsPanel(image, this.look).element, this.sourceSection] : []),
      this.windowSection,
      this.#keys(),
    );
    if (image.segmentation) {
      this.sourceNote = el("p", { class: "quiet" }, "Looking for the source…");
      this.sourceSection.hidden = false;
      this.sourceSection.replaceChildren(el("h2", {}, "Source"), this.sourceNote);
    }
    this.#windowPanel();
  }

  #sourcePanel() {
    if (!this.image.segmentation) return;
    if (!this.#source) {
      this.sourceNote.textContent = "What these segments were made from is not stored here.";
      return;
    }
    const box = el("input", { type: "checkbox", id: "show-source", onchange: () => this.look.set("showSource", box.checked) });
    box.checked = this.look.showSource;
    this.sourceSection.replaceChildren(
      el("h2", {}, "Source"),
      el("div", { class: "row-of" }, box, el("label", { for: "show-source" }, "Show ", el("bdi", {}, this.#source.title))),
    );
  }

  #windowPanel() {
    const shown = this.image.segmentation ? (this.#source?.image ?? this.#source?.levels?.[0]) : this.image;
    if (!shown || !isGrey(shown)) return;
    const stored = shown.windows.slice(0, 4).map((one, index) => [one.name || `Stored ${index + 1}`, one]);
    const presets = [["As stored", null], ...(stored.length > 1 ? stored : [])];
    if (shown.modality === "CT") presets.push(...CT_WINDOWS);
    const buttons = presets.map(([name, window]) =>
      el("button", { type: "button", onclick: () => this.look.set("window", window) }, name),
    );
    const full = el("button", { type: "button", onclick: () => this.#fullRange(shown) }, "All values");
    const invert = el("input", { type: "checkbox", id: "invert", onchange: () => this.look.set("invert", invert.checked) });
    this.look.addEventListener("change", () => (invert.checked = this.look.invert));
    this.windowSection.hidden = false;
    this.windowSection.replaceChildren(
      el("h2", {}, "Window"),
      el("div", { class: "buttons" }, buttons, full),
      el("div", { class: "row-of" }, invert, el("label", { for: "invert" }, "Invert")),
    );
  }

  #fullRange(shown) {
    const range = this.#view.fullRange?.();
    if (!range) return;
    const [slope, intercept] = [shown.frames.slope?.[0] || 1, shown.frames.intercept?.[0] || 0];
    const [low, high] = range.map((one) => one * slope + intercept);
    this.look.set("window", { center: (low + high) / 2, width: Math.max(high - low, 1e-9), shape: "LINEAR_EXACT" });
  }

  #keys() {
    const keys = [
      ["Arrows", "slices; frames; move the slide"],
      ["+ −", "zoom (Ctrl and wheel on slices)"],
      ["0", "fit; 1: a pixel a pixel on slides"],
      ["Shift + arrows", "window; R: as stored; I: invert"],
      ["Drag", "window on grey, else move; Shift: move"],
    ];
    return el(
      "details",
      { class: "panel keys" },
      el("summary", {}, "Keys"),
      el("dl", {}, keys.map(([key, does]) => el("div", {}, el("dt", {}, key), el("dd", {}, does)))),
    );
  }
}

// Usual windows in Hounsfield units.
const CT_WINDOWS = [
  ["Soft tissue", { center: 40, width: 400, shape: "LINEAR" }],
  ["Lung", { center: -600, width: 1500, shape: "LINEAR" }],
  ["Bone", { center: 400, width: 1800, shape: "LINEAR" }],
  ["Brain", { center: 40, width: 80, shape: "LINEAR" }],
];
