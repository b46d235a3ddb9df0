# SPDX-License-Identifier: Apache-2.0
"""The public names, pinned; what each says of itself; and what importing them costs."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import pytest

import framedeflate
from framedeflate import errors

NAMES = [
    "DEFAULT_LEVEL",
    "DEFLATED_IMAGE_FRAME_COMPRESSION",
    "AsyncFrameReader",
    "FrameDeflateError",
    "FrameReader",
    "ImagePixel",
    "Problem",
    "TranscodeResult",
    "compress_file",
    "decode_frame",
    "decode_frames",
    "decompress_file",
    "encode_frame",
    "encode_frames",
    "verify_file",
]

SIGNATURES = {
    "encode_frame": "(native, image_pixel, *, level=1)",
    "encode_frames": "(frames, image_pixel, *, level=1, threads=1)",
    "decode_frame": "(fragment, image_pixel, *, strict=True)",
    "decode_frames": "(fragments, image_pixel, *, threads=1, strict=True)",
    "verify_file": "(path)",
    "compress_file": "(source, destination=None, *, level=1, threads=1, check=True, overwrite=False, in_place=False, "
    "policy='all', photometric_interpretation=None, strict=True, min_gain=None, digest=False, progress=None)",
    "decompress_file": "(source, destination=None, *, implicit_vr=False, threads=1, overwrite=False, "
    "in_place=False, strict=True, progress=None)",
}

ERRORS = {
    # name: base beside FrameDeflateError's family
    "ArchiveError": Exception,
    "AssociationError": OSError,
    "DicomFormatError": ValueError,
    "EncapsulationError": ValueError,
    "FrameDecodeError": ValueError,
    "FrameDeflateError": Exception,
    "FrameEncodeError": ValueError,
    "FrameError": Exception,
    "FrameNumberError": IndexError,
    "ImagePixelError": ValueError,
    "InstanceError": ValueError,
    "MediaTypeError": ValueError,
    "MissingExtraError": ImportError,
    "MultipartError": ValueError,
    "RemoteSourceError": OSError,
    "RoundTripError": errors.FrameError,
    "SearchError": ValueError,
    "SegmentError": LookupError,
    "SegmentationError": ValueError,
    "StoreIndexError": OSError,
    "TlsSettingsError": ValueError,
    "TransferSyntaxError": ValueError,
    "UnsupportedImageError": ValueError,
    "UnsupportedSourceError": TypeError,
}


def test_the_names_are_these() -> None:
    assert framedeflate.__all__ == NAMES
    assert set(NAMES) <= set(dir(framedeflate))
    assert re.fullmatch(r"\d+\.\d+\.\d+", framedeflate.__version__)
    with pytest.raises(AttributeError, match="no_such_name"):
        framedeflate.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    signature = inspect.signature(getattr(framedeflate, name))
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()
    ]
    assert (
        str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)) == SIGNATURES[name]
    )


def test_the_errors_are_these() -> None:
    assert sorted(ERRORS) == errors.__all__
    for name, base in ERRORS.items():
        error = getattr(errors, name)
        assert issubclass(error, errors.FrameDeflateError)
        assert issubclass(error, base)


def public_objects() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = [(name, getattr(framedeflate, name)) for name in NAMES]
    found += [(name, getattr(errors, name)) for name in ERRORS]
    classes = [(name, thing) for name, thing in found if inspect.isclass(thing)]
    for name, thing in classes:
        members = inspect.getmembers(
            thing, lambda m: inspect.isfunction(m) or inspect.ismethod(m) or isinstance(m, property)
        )
        found += [(f"{name}.{member}", value) for member, value in members if not member.startswith("_")]
    return [(name, thing) for name, thing in found if not isinstance(thing, str | int)]


@pytest.mark.parametrize(
    ("name", "thing"), public_objects(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_everything_public_has_a_docstring(name: str, thing: object) -> None:
    document = inspect.getdoc(thing) or ""
    assert len(document) > 10, name
    if inspect.isfunction(thing) and "." not in name:
        for part in ("Parameters", "Raises"):
            assert f"{part}\n---" in document
        parameters = inspect.signature(thing).parameters
        assert [
            p for p in parameters if not re.search(rf"^(\w+, )*{p}(, \w+)* :", document, re.MULTILINE)
        ] == []
    if dataclasses.is_dataclass(thing):
        names = [field.name for field in dataclasses.fields(thing) if field.init]
        assert [n for n in names if not re.search(rf"^(\w+, )*{n}(, \w+)* :", document, re.MULTILINE)] == []


MODULES = [name for _, name, _ in pkgutil.walk_packages(framedeflate.__path__, "framedeflate.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("._native", ".__main__"))])
def test_every_module_says_what_it_is_and_exports(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for exported in getattr(module, "__all__", []):
        assert hasattr(module, exported)


def loaded_by(statement: str) -> set[str]:
    """The top-level modules in a fresh process after a statement."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_loads_nothing_heavy() -> None:
    heavy = {"numpy", "pydicom", "rich", "deflate", "concurrent", "zlib", "asyncio", "urllib", "hypothesis"}
    assert not loaded_by("import framedeflate") & (heavy - {"zlib"})
    assert not loaded_by("from framedeflate import ImagePixel, Problem, FrameDeflateError") & {
        "numpy",
        "pydicom",
        "rich",
    }


def test_native_files_need_neither_pydicom_nor_rich() -> None:
    loaded = loaded_by("from framedeflate import FrameReader, compress_file, decompress_file, verify_file")
    assert not loaded & {"pydicom", "rich"}
