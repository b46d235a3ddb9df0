# SPDX-License-Identifier: Apache-2.0
"""Archives of millions of files: compressed by many processes or machines, resumed, reported on, audited.

`run` plans and works, and `manifest` is all it knows; `one_file` is what is done to a file, `places` where files lie.
`cluster` does the same on Dask. `audit` proves afterwards that nothing changed, `prediction` says beforehand what it
will bring, `summary` and `page` show what it brought.
"""
