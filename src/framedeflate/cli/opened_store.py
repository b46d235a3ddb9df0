# SPDX-License-Identifier: Apache-2.0
"""Opens the store of instances that a command line names."""

import argparse
from typing import TYPE_CHECKING

from framedeflate.cli.exit_codes import CommandError, ExitCode, why_no_folder

if TYPE_CHECKING:
    from framedeflate.instance_store import InstanceStore

__all__ = ["open_store"]


def open_store(namespace: argparse.Namespace) -> "InstanceStore":
    """Open the folder that `store` names, with `policy`, `level`, `max_object` and `min_free`.

    Raises
    ------
    CommandError
        It cannot be made or written.
    """
    from framedeflate.instance_store import InstanceStore

    try:
        return InstanceStore(
            namespace.store,
            policy=namespace.policy,
            level=namespace.level,
            max_object_nbytes=namespace.max_object,
            min_free_nbytes=namespace.min_free,
        )
    except OSError as error:
        raise CommandError(
            f"{namespace.store}: {why_no_folder(error)}", exit_code=ExitCode.INVALID_OUTPUT_FOLDER
        ) from error
