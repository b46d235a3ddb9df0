# SPDX-License-Identifier: Apache-2.0
"""The checks, a group a module. A function with the decorator `check` is all that a further one needs.

store             what is taken, and what is said of it
instances         files
frames            Frames as they are stored
native_frames     Frames without compression
negotiation       which media type answers
content_coding    Content-Encoding
multipart_syntax  how parts are put together
bulkdata          Pixel Data by its URI
metadata          JSON and XML
search            matching, pages, what is returned
caching           conditional requests, ranges
rendered          pictures
capabilities      what the server says of itself
hostile           what is not meant well
"""
