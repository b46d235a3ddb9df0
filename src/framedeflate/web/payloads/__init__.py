# SPDX-License-Identifier: Apache-2.0
"""The bytes of answers to retrievals, each of a known length and made piece by piece when its turn comes.

body            bytes in memory, of a file, computed; one behind the other
native_pixels   native Frames: cut, inflated, joined bit by bit
frames          one Frame as negotiation wants it
instance_file   an instance as a PS3.10 file
pixel_data      Pixel Data as a whole
bulkdata        the value of any other attribute
parts           what of it goes into which part of a multipart payload
"""
