# SPDX-License-Identifier: Apache-2.0
"""What the server counts. All of it happens in the event loop's thread, so plain numbers do."""

from bisect import bisect_left
from collections import Counter
from typing import Final

__all__ = ["BUCKETS", "Tallies"]

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper ends of the histogram's buckets, in seconds; one more has no end."""


class Tallies:
    """Counts since the start.

    Attributes
    ----------
    requests : Counter
        By method, route and status.
    buckets : dict
        Lists of counts, one a bucket, by route.
    seconds : dict
        Sums, by route.
    in_flight : int
        Requests being answered.
    refused_busy : int
        Requests refused because too many were.
    sent_nbytes : int
        Bytes of payloads.
    frames : Counter
        Frames sent, by how they were come by: ``stored`` (as the bytes lie in the file), ``wrapped`` (those in a
        content coding), ``made`` (inflated or cut out).
    frame_nbytes, native_frame_nbytes : int
        Bytes of those Frames as they were sent, and what they are inflated.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.buckets: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}
        self.in_flight = 0
        self.refused_busy = 0
        self.sent_nbytes = 0
        self.frames: Counter[str] = Counter()
        self.frame_nbytes = 0
        self.native_frame_nbytes = 0

    def request(self, method: str, route: str, status: int, nbytes: int, seconds: float) -> None:
        """Count an answer that has ended."""
        self.requests[method, route, status] += 1
        buckets = self.buckets.get(route)
        if buckets is None:
            buckets = self.buckets[route] = [0] * (len(BUCKETS) + 1)
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds[route] = self.seconds.get(route, 0.0) + seconds
        self.sent_nbytes += nbytes

    def frames_sent(self, how: str, count: int, *, nbytes: int, native_nbytes: int) -> None:
        """Count Frames that go out; `how` is one of those of `frames`."""
        self.frames[how] += count
        self.frame_nbytes += nbytes
        self.native_frame_nbytes += native_nbytes
