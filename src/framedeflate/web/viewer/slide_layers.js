// SPDX-License-Identifier: Apache-2.0
// What a slide consists of: levels of a picture, segments over them, and where the tiles of each lie in one plane.
import { planeToPlane } from "./geometry.js";
import { overlayTable, paintFrame, tableSize } from "./paint.js";
import { valuesOf } from "./image_pixel.js";
import { TileIndex } from "./tiles.js";

/**
 * Where an image's matrix lies in another's: world = scale * pixel + offset, for the edges of pixels; null where they
 * are turned against each other.
 */
export function placement(matrix, world) {
  if (matrix === world) return { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  if (!matrix.geometry || !world.geometry) {
    return { scaleX: world.columns / matrix.columns, scaleY: world.rows / matrix.rows, offsetX: 0, offsetY: 0 };
  }
  const [a, b, c, d, e, f] = planeToPlane(matrix.geometry, world.geometry);
  if (a <= 0 || e <= 0 || Math.abs(b) > 1e-3 * a || Math.abs(d) > 1e-3 * e) return null;
  const [scaleX, scaleY] = [snap(a, 1, 1e-3), snap(e, 1, 1e-3)];
  // Levels of one slide begin at one corner; what their origins differ by is half a pixel of rounding.
  return { scaleX, scaleY, offsetX: snap(c + 0.5 - a / 2, 0, Math.max(1, a) / 2), offsetY: snap(f + 0.5 - e / 2, 0, Math.max(1, e) / 2) };
}

const snap = (found, to, within) => (Math.abs(found - to) <= within ? to : found);

/** Tiles of one image in the world's pixels. */
export class Layer {
  constructor(image, world, { plane = 0, path = 0 } = {}) {
    this.image = image;
    this.place = placement(image.matrix, world);
    this.isOverlay = Boolean(image.segmentation);
    this.version = 0; // of the look: pictures of an older one are made anew
    const { frames } = image;
    const keep = (index) => frames.plane[index] === plane && (this.isOverlay || frames.path[index] === path);
    this.index = new TileIndex(frames.left, frames.top, image.matrix, keep);
  }

  /** Indices of the Frames in a rectangle of the world whose segments are shown, those in the middle first. */
  within({ left, top, right, bottom }, look) {
    const { scaleX, scaleY, offsetX, offsetY } = this.place;
    const found = this.index.within({
      left: (left - offsetX) / scaleX,
      right: (right - offsetX) / scaleX,
      top: (top - offsetY) / scaleY,
      bottom: (bottom - offsetY) / scaleY,
    });
    const { segmentation, frames } = this.image;
    if (!segmentation || segmentation.kind === "LABELMAP") return found;
    return found.filter((index) => look.isVisible(frames.segment?.[index] ?? 0));
  }

  /** A tile's rectangle in the world, and how much of the tile lies in the matrix. */
  rectangle(index) {
    const { frames, matrix } = this.image;
    const [left, top] = [frames.left[index], frames.top[index]];
    const columns = Math.min(matrix.tileColumns, matrix.columns - left);
    const rows = Math.min(matrix.tileRows, matrix.rows - top);
    const { scaleX, scaleY, offsetX, offsetY } = this.place;
    return {
      left: left * scaleX + offsetX,
      top: top * scaleY + offsetY,
      right: (left + columns) * scaleX + offsetX,
      bottom: (top + rows) * scaleY + offsetY,
      columns,
      rows,
    };
  }

  /** A tile as RGBA; what belongs to no segment is transparent. */
  picture(index, frame, look) {
    const { image } = this;
    const pixel = image.pixels[0];
    const made = new ImageData(pixel.columns, pixel.rows);
    if (frame.rgba || !this.isOverlay) {
      paintFrame(image, index, frame, { window: look.window ?? wholeRange(image, index), invert: look.invert }, made.data);
      return made;
    }
    // Opacity is the canvas's: a slider of it must not make thousands of tiles anew.
    const opaque = { opacity: 1, isVisible: (number) => image.segmentation.kind !== "LABELMAP" || look.isVisible(number) };
    const table = overlayTable(image.segmentation, image.frames.segment?.[index] ?? 0, opaque, tableSize(pixel));
    const found = valuesOf(frame.bytes, pixel);
    for (let from = 0, at = 0; from < found.length; from++, at += 4) {
      const value = found[from];
      if (!table.weights[value]) continue;
      for (let channel = 0; channel < 3; channel++) made.data[at + channel] = table.colours[value * 3 + channel];
      made.data[at + 3] = table.weights[value] * 255;
    }
    return made;
  }
}

// One window for all tiles: each by its own values would make a patchwork.
function wholeRange({ frames, pixels: [{ bitsStored, signed, float, samples }] }, index) {
  if (float || samples > 1 || frames.width?.[index] > 0) return null;
  const values = 2 ** bitsStored;
  return { center: signed ? -0.5 : (values - 1) / 2, width: values - 1 || 1, shape: "LINEAR_EXACT" };
}

/** The level whose pixels are about as large as the screen's, among layers from fine to coarse. */
export function levelFor(levels, scale) {
  const fitting = levels.filter(({ place }) => place.scaleX * scale <= 1.5);
  return fitting.at(-1) ?? levels[0];
}
