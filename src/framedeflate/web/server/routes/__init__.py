# SPDX-License-Identifier: Apache-2.0
"""The resources of PS3.18, a module each: `routes(services)` returns what `app` lists."""
