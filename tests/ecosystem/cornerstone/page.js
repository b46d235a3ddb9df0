// SPDX-License-Identifier: Apache-2.0
// Frames as @cornerstonejs/dicom-image-loader gives them to a viewer that is built on it.
import { imageLoader } from "@cornerstonejs/core";
import { init, wadors } from "@cornerstonejs/dicom-image-loader";

/**
 * Load frames 1 to `count` of an instance: Transfer Syntax UID and stored values of each.
 * `accept` is what a viewer configures in place of the loader's own Accept, or null.
 */
window.loadFrames = async (instance, count, accept) => {
  init({ maxWebWorkers: 1, ...(accept && { beforeSend: () => ({ Accept: accept }) }) });
  const answer = await fetch(`${instance}/metadata`, { headers: { Accept: "application/dicom+json" } });
  const [metadata] = await answer.json();
  const found = [];
  for (let number = 1; number <= count; number++) {
    const imageId = `wadors:${instance}/frames/${number}`;
    wadors.metaDataManager.add(imageId, metadata);
    const image = await imageLoader.loadImage(imageId);
    found.push([image.transferSyntaxUID, Array.from(image.getPixelData())]);
  }
  return found;
};
