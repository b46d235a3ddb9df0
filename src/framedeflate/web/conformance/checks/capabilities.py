# SPDX-License-Identifier: Apache-2.0
"""Retrieve Capabilities."""

from framedeflate.web.conformance.judging import expect_status
from framedeflate.web.conformance.outcomes import check, expect
from framedeflate.web.conformance.session import Session


@check("8.9.1, Table 10.3-2")
def described(s: Session) -> str:
    """OPTIONS on the service root describes it, in WADL."""
    answer = s.client.send("OPTIONS", "/", accept="application/vnd.sun.wadl+xml")
    expect_status(answer, 200)
    expect(
        b"application" in answer.content and b"wadl" in answer.content, "a WADL document", answer.describe()
    )
    return answer.describe()
