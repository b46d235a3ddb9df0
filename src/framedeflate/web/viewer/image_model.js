// SPDX-License-Identifier: Apache-2.0
// From metadata to what the views need: a column for each fact about Frames instead of an Item for each Frame, since
// a Segmentation may have 200 000. Runs in the worker; everything that is made here can be sent to the page.
import { labOfShorts, labToRgb, paletteColour } from "./colours.js";
import { meaning, number, numbers, text, value, values } from "./dicom_json.js";
import { along, normal } from "./geometry.js";
import { pixelOf, windowsOf } from "./image_pixel.js";
import { tiledFull } from "./tiles.js";

/** An image of one instance. */
export function imageOf(dataset) {
  const pixel = pixelOf(dataset);
  const count = pixel ? Math.max(1, number(dataset, "00280008", 1)) : 0;
  const segmentation = segmentationOf(dataset);
  const image = { ...identity(dataset), pixels: pixel ? [pixel] : [], frameCount: count, segmentation };
  image.instances = [text(dataset, "00080018")];
  image.frames = columnsOf(dataset, count, pixel);
  image.matrix = matrixOf(dataset, pixel);
  image.frames.instance = null; // all are of the only one
  image.frames.number = null; // index + 1
  if (image.matrix) placeTiles(image, dataset);
  return image;
}

/** An image of a series: the Frames of instances that have one, in the order in which they lie, else are numbered. */
export function stackOf(datasets) {
  const single = datasets.filter((one) => number(one, "00280010") && number(one, "00280008", 1) === 1);
  const parts = single.map((dataset) => ({ image: imageOf(dataset), number: number(dataset, "00200013", 0) }));
  if (!parts.length) return null;
  const [first] = parts;
  const direction = first.image.frames.orientation ? normal([...first.image.frames.orientation.slice(0, 6)]) : null;
  const placed = direction && parts.every(({ image }) => image.frames.position);
  const at = ({ image, number: other }) => (placed ? along(direction, image.frames.position) : other);
  parts.sort((one, other) => at(one) - at(other) || one.number - other.number);
  const count = parts.length;
  const joined = (name, width = 1) => {
    const having = parts.find(({ image }) => image.frames[name]);
    if (!having) return null;
    const column = new having.image.frames[name].constructor(count * width);
    if (column instanceof Float64Array) column.fill(NaN);
    parts.forEach(({ image }, index) => image.frames[name] && column.set(image.frames[name].slice(0, width), index * width));
    return column;
  };
  return {
    ...first.image,
    pixels: parts.map(({ image }) => image.pixels[0]),
    frameCount: count,
    instances: parts.map(({ image }) => image.instances[0]),
    windows: first.image.windows,
    frames: {
      ...Object.fromEntries(["slope", "intercept", "center", "width"].map((name) => [name, joined(name)])),
      position: joined("position", 3),
      orientation: joined("orientation", 6),
      spacing: joined("spacing", 2),
      instance: Uint32Array.from({ length: count }, (_, index) => index),
      number: new Uint32Array(count).fill(1),
      segment: null,
      source: null,
      sourceFrame: null,
      sources: [],
    },
    matrix: null,
  };
}

function identity(dataset) {
  return {
    study: text(dataset, "0020000D"),
    series: text(dataset, "0020000E"),
    sopClass: text(dataset, "00080016"),
    modality: text(dataset, "00080060"),
    title: text(dataset, "00700081") || text(dataset, "0008103E") || text(dataset, "00700080"),
    seriesNumber: number(dataset, "00200011"),
    instanceNumber: number(dataset, "00200013"),
    patientName: value(dataset, "00100010") ?? null,
    patientId: text(dataset, "00100020"),
    studyDate: text(dataset, "00080020"),
    imageType: values(dataset, "00080008").map(String),
    frameOfReference: text(dataset, "00200052"),
    windows: windowsOf(dataset),
    referencedSeries: values(dataset, "00081115").map((item) => text(item, "0020000E")).filter(Boolean),
  };
}

function segmentationOf(dataset) {
  const kind = text(dataset, "00620001");
  if (!kind) return null;
  const segments = values(dataset, "00620002").map((item) => {
    const number_ = number(item, "00620004", 0);
    const shorts = numbers(item, "0062000D");
    return {
      number: number_,
      label: text(item, "00620005"),
      type: meaning(item, "0062000F"),
      category: meaning(item, "00620003"),
      algorithm: text(item, "00620008"),
      recommended: shorts.length === 3,
      colour: shorts.length === 3 ? labToRgb(labOfShorts(shorts)) : paletteColour(number_),
    };
  });
  const background = kind === "LABELMAP" ? number(dataset, "00280120", 0) : 0; // Pixel Padding Value
  return { kind, segments, background, maxFractional: number(dataset, "0062000E", 255) };
}

// One fact about each Frame: of its own Item, else of the shared one, else of the Data Set.
function columnsOf(dataset, count, pixel) {
  const shared = value(dataset, "52009229");
  const own = values(dataset, "52009230");
  const spacing = numbers(dataset, "00280030").length === 2 ? dataset : undefined;
  const whole = { "00209113": dataset, "00209116": dataset, "00289110": spacing, "00289132": dataset, "00289145": dataset };
  const groupOf = (index, tag) => value(own[index], tag) ?? value(shared, tag) ?? whole[tag];
  const column = (tag, inner, width = 1) => {
    if (!count || !pixel) return null;
    let found = null;
    for (let index = 0; index < count; index++) {
      const item = groupOf(index, tag);
      const numbersOf = item?.[inner] ? numbers(item, inner) : [];
      if (numbersOf.length < width || !Number.isFinite(numbersOf[0])) continue;
      found ??= new Float64Array(count * width).fill(NaN);
      found.set(numbersOf.slice(0, width), index * width);
    }
    return found;
  };
  const segment = column("0062000A", "0062000B");
  return {
    position: column("00209113", "00200032", 3),
    orientation: column("00209116", "00200037", 6),
    spacing: column("00289110", "00280030", 2),
    center: column("00289132", "00281050"),
    width: column("00289132", "00281051"),
    slope: column("00289145", "00281053"),
    intercept: column("00289145", "00281052"),
    segment: segment && Uint16Array.from(segment, (one) => one || 0),
    ...sourcesOf(own, shared, count),
  };
}

// Derivation Image, Source Image (C.7.6.16.2.6): which Frame of which instance a Frame was made from.
function sourcesOf(own, shared, count) {
  const numberOf = new Map();
  const [source, sourceFrame] = [new Int32Array(count).fill(-1), new Uint32Array(count)];
  for (let index = 0; index < count; index++) {
    const derivation = value(own[index], "00089124") ?? value(shared, "00089124");
    const images = values(derivation, "00082112");
    if (images.length !== 1) continue; // of several none says where the Frame lies
    const uid = text(images[0], "00081155");
    if (!uid) continue;
    if (!numberOf.has(uid)) numberOf.set(uid, numberOf.size);
    source[index] = numberOf.get(uid);
    sourceFrame[index] = number(images[0], "00081160", 0);
  }
  return numberOf.size
    ? { source, sourceFrame, sources: [...numberOf.keys()] }
    : { source: null, sourceFrame: null, sources: [] };
}

function matrixOf(dataset, pixel) {
  const [rows, columns] = [number(dataset, "00480007"), number(dataset, "00480006")];
  if (!rows || !columns || !pixel) return null;
  const origin = value(dataset, "00480008");
  const [x, y] = [number(origin, "0040072A"), number(origin, "0040073A")];
  const orientation = numbers(dataset, "00480102");
  const spacing = numbers(value(value(dataset, "52009229"), "00289110"), "00280030");
  const known = x !== null && y !== null && orientation.length === 6 && spacing.length === 2;
  return {
    rows,
    columns,
    tileRows: pixel.rows,
    tileColumns: pixel.columns,
    focalPlanes: Math.max(1, number(dataset, "00480303", 1)),
    full: text(dataset, "00209311") === "TILED_FULL",
    // The slide as a plane, its first pixel's middle at the origin; null where it is not said.
    geometry: known ? { position: [x, y, 0], orientation, spacing } : null,
  };
}

function placeTiles(image, dataset) {
  const { frames, matrix, segmentation, frameCount } = image;
  const own = values(dataset, "52009230");
  const placed = own.length >= frameCount && value(own[0], "0048021A");
  if (matrix.full || !placed) {
    const ordered = segmentation && segmentation.kind !== "LABELMAP";
    const places = tiledFull(matrix, frameCount, ordered ? segmentation.segments.map((one) => one.number) : []);
    Object.assign(frames, { left: places.left, top: places.top, plane: places.plane, path: places.path });
    frames.segment = frames.segment ?? places.segment;
    return;
  }
  const identifiers = [...new Set(own.map((item) => text(value(item, "00480207"), "00480106")))];
  const depths = own.map((item) => number(value(item, "0048021A"), "0040074A", 0));
  const planes = [...new Set(depths)].sort((one, other) => one - other);
  const place = (tag) => Int32Array.from(own, (item) => number(value(item, "0048021A"), tag, 1) - 1);
  frames.left = place("0048021E");
  frames.top = place("0048021F");
  frames.plane = Uint16Array.from(depths, (depth) => planes.indexOf(depth));
  frames.path = Uint16Array.from(own, (item) => identifiers.indexOf(text(value(item, "00480207"), "00480106")));
}
