# SPDX-License-Identifier: Apache-2.0
"""A black-box conformance suite for DICOMweb origin servers: ``python -m framedeflate.web.conformance URL``.

It judges by Python's zlib, numpy and pydicom alone, and shares no code with what it may be judging.

suite         a run, and its report
checks        the checks, a group a module
outcomes      what a check is, and what can come of it
session       what the checks of a run share
samples       an instance and what must come back of it
made_samples  those that a run stores
judging       what several groups judge alike
exchange      requests and answers, bounded
multipart     payloads in parts, departures named
media         media types
streams       raw DEFLATE, Items
table         the report for a person; json_report for a program
"""
