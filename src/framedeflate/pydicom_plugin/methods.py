# SPDX-License-Identifier: Apache-2.0
"""``Dataset.compress`` and ``Dataset.decompress`` for this Transfer Syntax; all others stay pydicom's.

pydicom 3.0 cannot compress or decompress 1-bit Frames and gives every result a new SOP Instance UID; no version swaps
Big Endian words. So both methods, and the functions behind them, look at the Transfer Syntax first.
"""

import functools
from collections.abc import Callable
from typing import Any

import pydicom.dataset
import pydicom.pixels
import pydicom.pixels.utils
from pydicom.dataset import Dataset

from framedeflate.pydicom_plugin import pixel_data
from framedeflate.pydicom_plugin.coding import LABEL
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["wrap_methods"]

_COLOURS = ("YBR_FULL", "YBR_FULL_422")


def wrap_methods() -> None:
    """Wrap both methods and both functions; nothing where that was done."""
    for owner in (Dataset, pydicom.pixels, pydicom.pixels.utils, pydicom.dataset):
        for name, wrap in (("compress", _compressing), ("decompress", _decompressing)):
            original = vars(owner).get(name)
            if original is not None and not hasattr(original, "_framedeflate"):
                wrapped = wrap(original)
                wrapped._framedeflate = True  # type: ignore[attr-defined]
                setattr(owner, name, wrapped)


def _compressing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def compress(
        dataset: Dataset,
        transfer_syntax_uid: str,
        arr: Any = None,
        encoding_plugin: str = "",
        encapsulate_ext: bool = False,
        **options: Any,
    ) -> Any:
        if transfer_syntax_uid != DEFLATED_IMAGE_FRAME_COMPRESSION or encoding_plugin not in {"", LABEL}:
            if encoding_plugin:
                options["encoding_plugin"] = encoding_plugin
            if encapsulate_ext:
                options["encapsulate_ext"] = encapsulate_ext
            return original(dataset, transfer_syntax_uid, arr, **options)
        ours = {name: options[name] for name in _OPTIONS if name in options}
        pixel_data.compress(
            dataset,
            arr,
            encapsulate_ext=encapsulate_ext,
            generate_instance_uid=bool(options.get("generate_instance_uid")),
            **ours,
        )
        return None if original.__qualname__.startswith("Dataset.") else dataset

    return compress


_OPTIONS = ("level", "threads", "photometric_interpretation")


def _decompressing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def decompress(dataset: Dataset, *arguments: Any, **options: Any) -> Any:
        meta = getattr(dataset, "file_meta", None) or {}
        is_ours = meta.get("TransferSyntaxUID", "") == DEFLATED_IMAGE_FRAME_COMPRESSION
        plugin = options.get("decoding_plugin") or (arguments[0] if arguments else "")
        if not is_ours or plugin not in {"", LABEL}:
            return original(dataset, *arguments, **options)
        wants_rgb = options.get("as_rgb", True) and dataset.get("PhotometricInterpretation") in _COLOURS
        if not wants_rgb:
            pixel_data.decompress(
                dataset,
                threads=options.get("threads", 1),
                generate_instance_uid=bool(options.get("generate_instance_uid")),
            )
            return None if original.__qualname__.startswith("Dataset.") else dataset
        # pydicom's own way, which converts to RGB unless asked not to. That rounds, so it is another instance.
        return original(dataset, *arguments, **options | {"generate_instance_uid": True})

    return decompress
