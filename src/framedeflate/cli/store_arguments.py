# SPDX-License-Identifier: Apache-2.0
"""The store of instances as commands name it: its policy and level on the command line, and opening it."""

import argparse
from typing import TYPE_CHECKING

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.frame_codec import DEFAULT_LEVEL

if TYPE_CHECKING:
    from framedeflate.instance_store import InstanceStore

__all__ = ["add_policy_arguments", "open_store"]


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --policy and --level."""
    parser.add_argument(
        "--policy",
        choices=("keep", "bilevel", "all"),
        default="bilevel",
        help="which native images are stored deflated: none, 1-bit ones and label maps, or all (default: %(default)s)",
    )
    parser.add_argument(
        "--level",
        type=int,
        choices=range(1, 10),
        metavar="1-9",
        default=DEFAULT_LEVEL,
        help="1 is fastest, 9 smallest (default: %(default)s)",
    )


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
            f"{namespace.store}: {error.strerror or error}", exit_code=ExitCode.INVALID_OUTPUT_FOLDER
        ) from error
