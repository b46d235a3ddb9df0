// SPDX-License-Identifier: Apache-2.0
// Colours of segments: Recommended Display CIELab Value (PS3.3 C.10.7.1.1) as sRGB.

const WHITE_D50 = [0.3457 / 0.3585, 1, 0.2958 / 0.3585]; // of the chromaticities 0.3457, 0.3585
const EPSILON = 216 / 24389;
const KAPPA = 24389 / 27;

// XYZ relative to D50 to linear sRGB, whose white is D65: Bradford's adaptation is in it.
const TO_LINEAR = [
  [3.1341359, -1.6173863, -0.4906619],
  [-0.9787955, 1.9162546, 0.0334427],
  [0.0719554, -0.2289768, 1.4053861],
];

/** L*, a*, b* of the three unsigned shorts: 0 to 65535 stand for 0 to 100, and for -128 to 127. */
export const labOfShorts = ([l, a, b]) => [(l * 100) / 65535, (a * 255) / 65535 - 128, (b * 255) / 65535 - 128];

/** sRGB, 0 to 255, of L*, a*, b* relative to D50; what lies beyond sRGB is cut off in each channel. */
export function labToRgb([l, a, b]) {
  const y = (l + 16) / 116;
  const cube = (f) => (f ** 3 > EPSILON ? f ** 3 : (116 * f - 16) / KAPPA);
  const xyz = [cube(y + a / 500), l > KAPPA * EPSILON ? y ** 3 : l / KAPPA, cube(y - b / 200)];
  const relative = xyz.map((one, index) => one * WHITE_D50[index]);
  return TO_LINEAR.map((row) => encode(row.reduce((sum, one, index) => sum + one * relative[index], 0)));
}

function encode(linear) {
  const within = Math.min(1, Math.max(0, linear));
  const coded = within <= 0.0031308 ? 12.92 * within : 1.055 * within ** (1 / 2.4) - 0.055;
  return Math.round(coded * 255);
}

// Told apart by people with any colour vision, on grey (after Okabe and Ito, without black).
const PALETTE = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
  [64, 132, 230],
  [170, 214, 90],
];

/** A colour for a segment that recommends none; from the ninth on they get lighter and darker in turn. */
export function paletteColour(number) {
  const index = Math.max(0, number - 1);
  const round = Math.floor(index / PALETTE.length) % 3;
  const [towards, share] = [[0, 0], [255, 0.45], [0, 0.4]][round];
  return PALETTE[index % PALETTE.length].map((one) => Math.round(one + (towards - one) * share));
}

export const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;
