# SPDX-License-Identifier: Apache-2.0
"""Runs blocks of Python one after the other in the same names, as a reader does who pastes them: a JSON line a block.

A block comes as {"page", "line", "text"}; the answer is {"out", "error"}, what it printed and its traceback or "".
"""

import contextlib
import io
import json
import os
import sys
import traceback
import types


def main() -> None:
    # What else writes to the first file descriptor would come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    page = types.ModuleType("__main__")
    sys.modules["__main__"] = page
    for line in sys.stdin:
        request = json.loads(line)
        out, error = io.StringIO(), ""
        with contextlib.redirect_stdout(out):
            try:
                # So that a traceback names the line of the page.
                text = "\n" * (request["line"] - 1) + request["text"]
                exec(compile(text, request["page"], "exec"), page.__dict__)  # noqa: S102 - what it is for
            except BaseException:  # noqa: BLE001 - also SystemExit, which is no way for a document to end
                error = traceback.format_exc()
        print(json.dumps({"out": out.getvalue(), "error": error}), file=answers, flush=True)


if __name__ == "__main__":
    main()
