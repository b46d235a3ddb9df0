// SPDX-License-Identifier: Apache-2.0
// The list of segments: what is shown in which colour, and how strong.
import { css } from "./colours.js";
import { announce, count, el } from "./dom.js";

const FILTER_FROM = 12; // segments, from which on a field to find one is worth its place

export class SegmentsPanel {
  #boxes = new Map();
  #rows = [];

  constructor(image, look) {
    this.look = look;
    const { segments, background, kind } = image.segmentation;
    this.segments = segments.filter((one) => kind !== "LABELMAP" || one.number !== background);
    const list = el("ul", { class: "segments", "aria-label": "Segments" }, this.segments.map((one) => this.#row(one)));
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "segments-title" },
      el("h2", { id: "segments-title" }, count(this.segments.length, "segment")),
      this.#opacity(),
      el(
        "div",
        { class: "buttons" },
        el("button", { type: "button", onclick: () => this.#show(this.segments, true) }, "All"),
        el("button", { type: "button", onclick: () => this.#show(this.segments, false) }, "None"),
      ),
      this.segments.length >= FILTER_FROM ? this.#filter() : null,
      list,
    );
  }

  #row(segment) {
    const { number, label, colour, type, category, algorithm, recommended } = segment;
    const id = `segment-${number}`;
    const box = el("input", { type: "checkbox", id, onchange: () => this.#show([segment], box.checked) });
    box.checked = this.look.isVisible(number);
    this.#boxes.set(number, box);
    const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = css(colour);
    const more = [type && type !== label ? type : category, algorithm.toLowerCase()].filter(Boolean).join(", ");
    const only = el(
      "button",
      { type: "button", class: "only", "aria-label": `Only ${label}`, onclick: () => this.#only(segment) },
      "only",
    );
    const row = el(
      "li",
      {},
      box,
      el(
        "label",
        { for: id, title: `${more}${recommended ? "" : " (no colour recommended)"}` },
        swatch,
        el("span", { class: "number" }, String(number)),
        el("span", { class: "label" }, el("bdi", {}, label || `Segment ${number}`), el("small", { class: "quiet" }, more)),
      ),
      only,
    );
    this.#rows.push([row, `${number} ${label} ${more}`.toLowerCase()]);
    return row;
  }

  #opacity() {
    const shown = el("output", { class: "number" }, percent(this.look.opacity));
    const slider = el("input", { type: "range", id: "opacity", min: 0, max: 100, value: this.look.opacity * 100 });
    slider.addEventListener("input", () => {
      this.look.set("opacity", slider.valueAsNumber / 100);
      shown.textContent = percent(this.look.opacity);
    });
    return el("div", { class: "row-of" }, el("label", { for: "opacity" }, "Opacity"), slider, shown);
  }

  #filter() {
    const field = el("input", { type: "search", placeholder: "Find a segment", "aria-label": "Find a segment" });
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const [row, words] of this.#rows) row.hidden = !words.includes(wanted);
    });
    return field;
  }

  #only(segment) {
    this.look.show(this.segments.filter((one) => one !== segment).map((one) => one.number), false);
    this.#show([segment], true);
    announce(`Only ${segment.label}`);
  }

  #show(segments, visible) {
    this.look.show(segments.map((one) => one.number), visible);
    for (const [number, box] of this.#boxes) box.checked = this.look.isVisible(number);
  }
}

const percent = (share) => `${Math.round(share * 100)} %`;
