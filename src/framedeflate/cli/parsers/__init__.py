# SPDX-License-Identifier: Apache-2.0
"""What every subcommand takes and what its help says.

Parsers import nothing that takes time: help, a wrong command line and shell completion need neither numpy nor the core.
`commands` is the table of all, `command` how one becomes a parser, and there is one file for each; `kinds` reads the
values of options, `shared` has the options that several commands take.
"""
