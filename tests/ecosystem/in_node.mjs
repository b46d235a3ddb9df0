// SPDX-License-Identifier: Apache-2.0
// What packages for browsers make of deflated files, in node: cornerstone, dicom-parser, dcmjs, daikon.
//
//     npm install dicom-parser dcmjs daikon @cornerstonejs/dicom-image-loader
//     node tests/ecosystem/in_node.mjs node_modules FILE ...
//
// The files are deflated ones. node's own zlib is the judge.
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const require = createRequire(path.resolve(folder, "x.js"));
const parser = require("dicom-parser");
const loader = "@cornerstonejs/dicom-image-loader/dist/esm/shared/decoders/decodeDeflatedFrame.js";

function framesOf(dataSet) {
  const element = dataSet.elements.x7fe00010;
  const count = dataSet.intString("x00280008") || 1;
  return [...Array(count).keys()].map((index) => parser.readEncapsulatedImageFrame(dataSet, element, index));
}

async function cornerstone(bytes) {
  const { default: decode } = await import(path.resolve(folder, loader));
  const dataSet = parser.parseDicom(bytes);
  for (const fragment of framesOf(dataSet)) {
    const short = (tag) => dataSet.uint16(tag);
    const frame = {
      rows: short("x00280010"),
      columns: short("x00280011"),
      samplesPerPixel: short("x00280002"),
      bitsAllocated: short("x00280100"),
      bitsStored: short("x00280101"),
      pixelRepresentation: short("x00280103"),
    };
    const { pixelData } = await decode(frame, fragment);
    const found = Buffer.from(pixelData.buffer, pixelData.byteOffset, pixelData.byteLength);
    if (!found.equals(zlib.inflateRawSync(fragment))) return "other pixels";
  }
  return "right";
}

const tools = {
  "@cornerstonejs/dicom-image-loader": cornerstone,
  "dicom-parser": (bytes) => {
    framesOf(parser.parseDicom(bytes)).forEach((fragment) => zlib.inflateRawSync(fragment));
    return "finds the Frames";
  },
  dcmjs: (bytes) => {
    const { DicomMessage } = require("dcmjs").data;
    const again = DicomMessage.readFile(DicomMessage.readFile(bytes.buffer).write());
    const [first, second] = [DicomMessage.readFile(bytes.buffer), again].map((one) => one.dict["7FE00010"].Value);
    const same = first.every((value, index) => Buffer.from(value).equals(Buffer.from(second[index])));
    return same ? "finds the Frames, and writes them again" : "writes other Frames";
  },
  daikon: (bytes) => {
    const dataSet = parser.parseDicom(bytes);
    const image = require("daikon").Series.parseImage(new DataView(bytes.buffer));
    const shown = image.getInterpretedData(false).length;
    const due = dataSet.uint16("x00280010") * dataSet.uint16("x00280011") * (dataSet.intString("x00280008") || 1);
    return `shows ${shown} values of ${due}, without an error`;
  },
};

for (const [name, ask] of Object.entries(tools)) {
  const { version } = JSON.parse(fs.readFileSync(path.resolve(folder, name, "package.json")));
  for (const file of files) {
    let said;
    try {
      said = await ask(new Uint8Array(fs.readFileSync(file)));
    } catch (error) {
      said = `${error.name}: ${error.message}`;
    }
    console.log(`${name} ${version}: ${file.split("/").slice(-2).join("/")}: ${said}`);
  }
}
