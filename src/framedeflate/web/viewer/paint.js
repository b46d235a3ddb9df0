// SPDX-License-Identifier: Apache-2.0
// What is seen of a frame: a picture of its values, and segments in their colours over it.
import { paintColour, paintGrey, paintPalette, rangeOf, valuesOf } from "./image_pixel.js";

const pixelAt = (image, index) => image.pixels[image.pixels.length > 1 ? index : 0];

/** Slope and intercept of a Frame, 1 and 0 where there are none. */
export function rescaleOf({ frames }, index) {
  const or = (column, otherwise) => (column && Number.isFinite(column[index]) ? column[index] : otherwise);
  return { slope: or(frames.slope, 1), intercept: or(frames.intercept, 0) };
}

/** The window that an image names for a Frame, else one that shows all of its values. */
export function windowOf(image, index, bytes) {
  const { center, width } = image.frames;
  if (center && width && width[index] > 0) {
    return { center: center[index], width: width[index], shape: image.windows[0]?.shape ?? "LINEAR" };
  }
  const { slope, intercept } = rescaleOf(image, index);
  const [low, high] = rangeOf(valuesOf(bytes, pixelAt(image, index))).map((one) => one * slope + intercept);
  const [least, most] = [Math.min(low, high), Math.max(low, high)];
  return { center: (least + most) / 2, width: Math.max(most - least, 1e-9), shape: "LINEAR_EXACT" };
}

/** Whether a window changes anything about an image. */
export const isGrey = ({ segmentation, pixels: [{ samples, photometric }] }) =>
  !segmentation && samples === 1 && photometric !== "PALETTE COLOR";

/** A frame that is no Segmentation's into RGBA. */
export function paintFrame(image, index, { bytes, rgba: ready }, { window, invert }, rgba) {
  const pixel = pixelAt(image, index);
  if (ready) {
    rgba.set(bytes);
    return;
  }
  const found = valuesOf(bytes, pixel);
  if (pixel.samples >= 3) paintColour(found, { ...pixel, ...(pixel.samples > 3 && { planar: false }) }, rgba);
  else if (pixel.palette) paintPalette(found, pixel.palette, rgba);
  else {
    const dark = pixel.photometric === "MONOCHROME1";
    const look = { ...rescaleOf(image, index), window: window ?? windowOf(image, index, bytes), invert: invert !== dark };
    paintGrey(found, look, rgba);
  }
}

/** Black, opaque. */
export function paintNothing(rgba) {
  new Uint32Array(rgba.buffer).fill(littleEndian ? 0xff000000 : 0x000000ff);
}

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Colour and weight of each value of a Segmentation's frame: { colours, weights }.
 * A value of FRACTIONAL weighs as much as it says; a value of LABELMAP is a segment's number.
 */
export function overlayTable(segmentation, segmentNumber, look, size) {
  const colours = new Uint8Array(size * 3);
  const weights = new Float32Array(size);
  if (segmentation.kind === "LABELMAP") {
    for (const { number, colour } of segmentation.segments) {
      if (number >= size || number === segmentation.background || !look.isVisible(number)) continue;
      colours.set(colour, number * 3);
      weights[number] = look.opacity;
    }
    return { colours, weights };
  }
  const segment = segmentation.segments.find((one) => one.number === segmentNumber);
  if (!look.isVisible(segmentNumber)) return null;
  const most = segmentation.kind === "FRACTIONAL" ? segmentation.maxFractional : 1;
  for (let value = 1; value < size; value++) {
    colours.set(segment?.colour ?? [255, 255, 255], value * 3);
    weights[value] = look.opacity * Math.min(1, value / most);
  }
  return { colours, weights };
}

/** How many values a Segmentation's frame may hold. */
export const tableSize = ({ bitsAllocated }) => (bitsAllocated === 1 ? 2 : 2 ** Math.min(16, bitsAllocated));

/** Blend a Segmentation's values over RGBA; `lookup` as of pixelLookup. */
export function blend(found, { colours, weights }, lookup, rgba) {
  const count = lookup ? lookup.length : found.length;
  for (let index = 0, at = 0; index < count; index++, at += 4) {
    const from = lookup ? lookup[index] : index;
    if (from < 0) continue;
    const value = found[from];
    const weight = weights[value];
    if (!weight) continue;
    for (let channel = 0; channel < 3; channel++) {
      const under = rgba[at + channel];
      rgba[at + channel] = under + (colours[value * 3 + channel] - under) * weight;
    }
  }
}

/** Segments of one Frame over what is there; nothing where its segment is not shown. */
export function blendFrame(image, index, { bytes }, look, lookup, rgba) {
  const pixel = pixelAt(image, index);
  const table = overlayTable(image.segmentation, image.frames.segment?.[index] ?? 0, look, tableSize(pixel));
  if (table) blend(valuesOf(bytes, pixel), table, lookup, rgba);
}

/** Any frame by itself, as a picture of its own size. */
export function pictureOf(image, index, frame, look) {
  const { rows, columns } = pixelAt(image, index);
  const picture = new ImageData(columns, rows);
  if (!image.segmentation || frame.rgba) paintFrame(image, index, frame, look, picture.data);
  else {
    paintNothing(picture.data);
    blendFrame(image, index, frame, look, null, picture.data);
  }
  return picture;
}
