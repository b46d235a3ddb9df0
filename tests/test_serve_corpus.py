# SPDX-License-Identifier: Apache-2.0
"""Real files and legal vectors, served: what comes back is what is stored, and its Frames are those of the judges."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.encaps import generate_frames

import judge
from corpus import CORPUS, corpus_files, wheel_file
from framedeflate.errors import FrameDeflateError
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import Index, IndexedInstance, NewInstance, describe_instance
from framedeflate.web.server import ServerSettings, Services, create_app
from framedeflate.web.server.open_files import OpenFiles
from web_server import served as serving

WHEEL = (
    "SC_rgb_rle_2frame.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "CT_small.dcm",
)
PATHS = [
    *(file.path for file in corpus_files()),
    *sorted((CORPUS / "vectors").glob("L*.dcm")),
    *(wheel_file(name) for name in WHEEL),
]
PIXELS_SHA256 = {file.path: file.pixels_sha256 for file in corpus_files()}
EXPLICIT = "1.2.840.10008.1.2.1"
DICOM = "application/dicom"
OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Served:
    client: httpx.Client
    store: int
    url: str
    instance: IndexedInstance

    def get(self, path: str, accept: str, coding: str = "identity") -> httpx.Response:
        headers = {"Accept": accept, "Accept-Encoding": coding, "X-Store": str(self.store)}
        return self.client.get(self.url + path, headers=headers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Served]]:
    """Every file that can be indexed, as it is; twins share a SOP Instance UID, and so not a store."""
    folder = tmp_path_factory.mktemp("corpus")
    where: dict[Path, tuple[int, NewInstance]] = {}
    taken: Counter[str] = Counter()
    for path in PATHS:
        with contextlib.suppress(FrameDeflateError):
            new = describe_instance(path)
            where[path] = taken[new.instance.sop_instance_uid], new
            taken[new.instance.sop_instance_uid] += 1
    with ExitStack() as stack:
        applications = []
        for number in range(max(taken.values())):
            store = stack.enter_context(InstanceStore(folder / str(number)))
            here = {path: new for path, (place, new) in where.items() if place == number}
            for path, new in here.items():
                final = store.path_of(new.instance.sop_instance_uid)
                final.parent.mkdir(exist_ok=True)
                final.symlink_to(path)
            index = stack.enter_context(Index.open(f"sqlite:///{folder / f'{number}.sqlite'}"))
            index.add(list(here.values()))
            files = OpenFiles(store.path_of)
            settings = ServerSettings()
            services = Services(store=store, index=index, ingest=None, files=files, settings=settings)
            applications.append(create_app(services))

        async def chosen(scope: Any, receive: Any, send: Any) -> None:
            await applications[int(dict(scope["headers"])[b"x-store"])](scope, receive, send)

        client = stack.enter_context(httpx.Client(base_url=stack.enter_context(serving(chosen)), timeout=60))
        yield {
            path: Served(
                client,
                number,
                f"/dicomweb/studies/{new.instance.study_instance_uid}"
                f"/series/{new.instance.series_instance_uid}/instances/{new.instance.sop_instance_uid}",
                new.instance,
            )
            for path, (number, new) in where.items()
        }


def test_most_files_are_served(served: dict[Path, Served]) -> None:
    refused = {path.name for path in PATHS if path not in served}
    assert len(served) > len(PATHS) * 0.9, refused
    if CORPUS.exists():
        assert sum(path.parent.name == "vectors" for path in served) >= 20, refused


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # it comments on the sources
def test_instance_and_frames(served: dict[Path, Served], path: Path) -> None:
    if path not in served:
        pytest.skip("it is not kept, or not indexed")
    one = served[path]
    uid = one.instance.transfer_syntax_uid
    stored = one.get("", f"{DICOM}; transfer-syntax=*")
    assert stored.status_code == 200
    if stored.headers["content-type"].endswith(f"transfer-syntax={uid}"):
        assert stored.content == path.read_bytes()
    answer = one.get("", f"{DICOM}; transfer-syntax={EXPLICIT}")
    if answer.status_code == 406:
        # No decoder here, or no image.
        assert "available" in answer.json() or answer.json()["kind"]
        assert uid not in judge.NATIVE | {judge.DEFLATED_FRAMES}
        return
    assert answer.status_code == 200
    dataset = pydicom.dcmread(BytesIO(answer.content))
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    assert dataset.SOPInstanceUID == one.instance.sop_instance_uid
    count = one.instance.stored.number_of_frames
    if not count:
        assert one.get("/frames/1", "*/*").status_code == 404
        return
    frames = judge.read(answer.content).frames()
    assert len(frames) == count
    if uid in judge.NATIVE | {judge.DEFLATED_FRAMES}:
        assert frames == judge.read(path).frames()
    elif PIXELS_SHA256.get(path):
        assert hashlib.sha256(dataset.pixel_array.tobytes()).hexdigest() == PIXELS_SHA256[path]
    for number in {1, count}:
        for coding in ("identity", "deflate"):
            frame = one.get(f"/frames/{number}", OCTETS, coding)
            assert frame.content == frames[number - 1], (number, coding)
            assert ("content-encoding" in frame.headers) == (
                uid == judge.DEFLATED_FRAMES and coding == "deflate"
            )
    if uid not in judge.NATIVE | {judge.DEFLATED_FRAMES}:
        source = pydicom.dcmread(path)
        expected = next(iter(generate_frames(source.PixelData, number_of_frames=count)))
        first = one.get("/frames/1", "*/*; transfer-syntax=*")
        assert f"transfer-syntax={uid}".encode() in first.content
        assert expected in first.content
