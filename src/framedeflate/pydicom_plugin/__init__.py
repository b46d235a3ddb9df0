# SPDX-License-Identifier: Apache-2.0
"""Deflated Image Frame Compression in pydicom, 3.0 and later.

>>> import framedeflate.pydicom_plugin as plugin
>>> plugin.register()

After it ``Dataset.compress``, ``Dataset.decompress``, ``Dataset.pixel_array``, ``pydicom.pixels.pixel_array``,
``pydicom.pixels.iter_pixels``, ``dcmread`` and ``save_as`` take the Transfer Syntax as they take any other. `compress`
and `decompress` do the same without registering anything. `save_deflated` writes a Dataset, `write_segmentation` a
Segmentation from planes that come one after the other.
"""

from framedeflate.pydicom_plugin.pixel_data import compress, decompress
from framedeflate.pydicom_plugin.registration import register
from framedeflate.pydicom_plugin.segmentation.writing import write_segmentation
from framedeflate.pydicom_plugin.writing import save_deflated

__all__ = ["compress", "decompress", "register", "save_deflated", "write_segmentation"]
