// SPDX-License-Identifier: Apache-2.0
// Native frames: from bytes to values, and from values to what a screen shows (PS3.3 C.7.6.3, C.11.1, C.11.2).
import { inlineBytes, number, numbers, text, values } from "./dicom_json.js";

const MAX_VALUES = 1 << 28; // of one frame: beyond it a tab runs out of memory

/** What the Image Pixel Module says of a frame; null where the instance has no pixels. */
export function pixelOf(dataset) {
  const [rows, columns] = [number(dataset, "00280010"), number(dataset, "00280011")];
  if (!rows || !columns) return null;
  const bitsAllocated = number(dataset, "00280100", 8);
  const photometric = text(dataset, "00280004").trim();
  const samples = number(dataset, "00280002", 1);
  const bitsStored = number(dataset, "00280101", bitsAllocated);
  const halved = photometric === "YBR_FULL_422" || photometric === "YBR_PARTIAL_422";
  const bits = rows * columns * (halved ? 2 : samples) * bitsAllocated;
  return {
    rows,
    columns,
    samples,
    bitsAllocated,
    bitsStored,
    highBit: number(dataset, "00280102", bitsStored - 1),
    signed: number(dataset, "00280103", 0) === 1,
    photometric,
    planar: number(dataset, "00280006", 0) === 1,
    float: "7FE00008" in dataset || "7FE00009" in dataset,
    frameBytes: Math.ceil(bits / 8),
    aspect: aspectOf(dataset),
    palette: photometric === "PALETTE COLOR" ? paletteOf(dataset) : null,
    // Colours that only the server can make.
    rendered: photometric === "PALETTE COLOR" && !("00281201" in dataset),
    tooLarge: rows * columns * samples > MAX_VALUES,
  };
}

// Height of a pixel beside its width.
function aspectOf(dataset) {
  const spacing = numbers(dataset, "00280030");
  const ratio = spacing.length === 2 ? spacing : numbers(dataset, "00280034");
  return ratio.length === 2 && ratio[0] > 0 && ratio[1] > 0 ? ratio[0] / ratio[1] : 1;
}

// Null where the tables are not there as such: Segmented Palettes (C.7.9.2) are left to the server.
function paletteOf(dataset) {
  if (!("00281201" in dataset)) return null;
  const [entries, first, bits] = numbers(dataset, "00281101");
  return {
    entries: entries || 65536, // 0 stands for 65536, which an unsigned short cannot say
    first: first || 0,
    bits: bits || 16,
    tables: ["00281201", "00281202", "00281203"].map((tag) => ({
      bytes: inlineBytes(dataset, tag),
      uri: dataset[tag]?.BulkDataURI ?? null,
    })),
  };
}

/** Bits of a frame, the first in the least significant place, one a value (PS3.5 8.2). */
export function unpackBits(bytes, count) {
  const unpacked = new Uint8Array(count);
  for (let index = 0; index < count; index++) unpacked[index] = (bytes[index >> 3] >> (index & 7)) & 1;
  return unpacked;
}

/** Stored values of a native frame. */
export function valuesOf(bytes, pixel) {
  const count = pixel.rows * pixel.columns * pixel.samples;
  if (pixel.bitsAllocated === 1) return unpackBits(bytes, count);
  // A typed array starts at a multiple of its size; a frame that was sent need not.
  const copy = () => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  if (pixel.float) return pixel.bitsAllocated === 64 ? new Float64Array(copy()) : new Float32Array(copy());
  if (pixel.bitsAllocated === 8) return masked(new Uint8Array(bytes), pixel);
  if (pixel.bitsAllocated === 16) return masked(new Uint16Array(copy()), pixel);
  if (pixel.bitsAllocated === 32) return pixel.signed ? new Int32Array(copy()) : new Uint32Array(copy());
  throw new Error(`Pixels of ${pixel.bitsAllocated} bits are not shown here.`);
}

// Bits beyond the stored ones may hold anything (PS3.5 8.1.1), and a sign stands at High Bit.
function masked(stored, { bitsAllocated, bitsStored, highBit, signed }) {
  const shift = highBit - bitsStored + 1;
  if (bitsStored === bitsAllocated && !signed) return stored;
  const unused = 32 - bitsStored;
  const found = signed ? new Int16Array(stored.length) : stored;
  for (let index = 0; index < stored.length; index++) {
    const high = (stored[index] >> shift) << unused;
    found[index] = signed ? high >> unused : high >>> unused;
  }
  return found;
}

/** Smallest and largest value, for images that name no window. */
export function rangeOf(found) {
  let [low, high] = [Infinity, -Infinity];
  for (const one of found) {
    if (one < low) low = one;
    if (one > high) high = one;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Windows that the Data Set names (C.11.2.1.2): center, width, function. */
export function windowsOf(dataset) {
  const widths = numbers(dataset, "00281051");
  const shape = text(dataset, "00281056") || "LINEAR";
  const names = values(dataset, "00281055");
  return numbers(dataset, "00281050")
    .map((center, index) => ({ center, width: widths[index], shape, name: names[index] ?? "" }))
    .filter(({ center, width }) => Number.isFinite(center) && width > 0);
}

/** From a value after the rescale to 0 to 255, by the formulas of C.11.2.1.2, C.11.2.1.3. */
export function windowFunction({ center, width, shape }) {
  if (shape === "SIGMOID") return (x) => 255 / (1 + Math.exp((-4 * (x - center)) / width));
  const [middle, range] = shape === "LINEAR_EXACT" ? [center, width] : [center - 0.5, width - 1];
  if (range <= 0) return (x) => (x <= middle ? 0 : 255);
  return (x) => Math.min(255, Math.max(0, ((x - middle) / range + 0.5) * 255));
}

/** Grey of each stored value into RGBA. */
export function paintGrey(found, { slope, intercept, window, invert }, rgba) {
  const shade = windowFunction(window);
  for (let index = 0, at = 0; index < found.length; index++, at += 4) {
    const grey = shade(found[index] * slope + intercept);
    rgba[at] = rgba[at + 1] = rgba[at + 2] = invert ? 255 - grey : grey;
    rgba[at + 3] = 255;
  }
}

/** Colours of a frame of three samples into RGBA: RGB, YBR_FULL and YBR_FULL_422, by pixel or by plane. */
export function paintColour(found, pixel, rgba) {
  const count = pixel.rows * pixel.columns;
  const scale = pixel.bitsStored > 8 ? 255 / (2 ** pixel.bitsStored - 1) : 1;
  const [step, plane] = pixel.planar ? [1, count] : [3, 1];
  const halved = pixel.photometric === "YBR_FULL_422" && found.length < count * 3;
  // Whole pixels of YBR_FULL_422 were decoded on the way here, and decoders of JPEG give RGB.
  const luma = pixel.photometric === "YBR_FULL" || halved;
  for (let index = 0, at = 0; index < count; index++, at += 4) {
    let [first, second, third] = [0, 0, 0];
    if (halved) {
      const pair = (index >> 1) * 4; // Y1 Y2 CB CR (C.7.6.3.1.2)
      [first, second, third] = [found[pair + (index & 1)], found[pair + 2], found[pair + 3]];
    } else {
      const start = index * step;
      [first, second, third] = [found[start], found[start + plane], found[start + 2 * plane]];
    }
    if (luma) [first, second, third] = toRgb(first, second, third);
    rgba[at] = first * scale;
    rgba[at + 1] = second * scale;
    rgba[at + 2] = third * scale;
    rgba[at + 3] = 255;
  }
}

const toRgb = (y, cb, cr) => [
  y + 1.402 * (cr - 128),
  y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
  y + 1.772 * (cb - 128),
];

/** Colours of a palette into RGBA (C.7.6.3.1.5, C.7.6.3.1.6). */
export function paintPalette(found, palette, rgba) {
  const tables = palette.tables.map(({ bytes }) => entriesOf(bytes, palette));
  for (let index = 0, at = 0; index < found.length; index++, at += 4) {
    const entry = Math.min(palette.entries - 1, Math.max(0, found[index] - palette.first));
    for (let channel = 0; channel < 3; channel++) rgba[at + channel] = tables[channel][entry];
    rgba[at + 3] = 255;
  }
}

/** Entries of a palette's table as 0 to 255; of 16 bits the upper 8 are shown. */
export function entriesOf(bytes, { entries, bits }) {
  const shown = new Uint8Array(entries);
  const wide = bits > 8 || bytes.length >= entries * 2; // 8-bit entries in words are found too
  for (let entry = 0; entry < entries; entry++) {
    shown[entry] = wide ? bytes[entry * 2 + (bits > 8 ? 1 : 0)] : bytes[entry];
  }
  return shown;
}
