# SPDX-License-Identifier: Apache-2.0
"""What was counted, for Prometheus: ``/metrics``."""

import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from anyio.to_thread import run_sync
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.server.services import Services
from framedeflate.web.server.tallies import BUCKETS, Tallies

__all__ = ["routes"]

_COUNT_SECONDS: Final = 30.0
"""Counting instances takes a database a while once there are millions."""


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    registry = CollectorRegistry(auto_describe=False)
    instances = _InstanceCount(services)
    registry.register(_Tallied(services.tallies, instances))
    ProcessCollector(registry=registry)

    async def metrics(request: Request) -> Response:
        await run_sync(instances.refresh)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return [Route("/metrics", metrics)]


class _InstanceCount:
    """How many instances are stored, counted now and then."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._counted_at = -_COUNT_SECONDS
        self.value = 0

    def refresh(self) -> None:
        now = time.monotonic()
        if now - self._counted_at >= _COUNT_SECONDS:
            self.value = self._services.index.count()
            self._counted_at = now


class _Tallied(Collector):
    """Prometheus' view of the numbers; made when somebody asks, so that counting stays cheap."""

    def __init__(self, tallies: Tallies, instances: _InstanceCount) -> None:
        self._tallies = tallies
        self._instances = instances

    def collect(self) -> Iterator[Metric]:
        tallies = self._tallies
        requests = CounterMetricFamily(
            "framedeflate_requests", "Requests answered.", labels=("method", "route", "status")
        )
        for (method, route, status), count in list(tallies.requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "framedeflate_request_seconds", "From a request's head to its answer's end.", labels=("route",)
        )
        for route, buckets in list(tallies.buckets.items()):
            ends = [*(str(end) for end in BUCKETS), "+Inf"]
            counts = zip(ends, accumulate(buckets), strict=True)
            seconds.add_metric((route,), list(counts), sum_value=tallies.seconds[route])
        yield seconds
        frames = CounterMetricFamily(
            "framedeflate_frames",
            "Frames sent: as stored, the stored stream wrapped in a content coding, or made (inflated, cut out).",
            labels=("how",),
        )
        for how, count in list(tallies.frames.items()):
            frames.add_metric((how,), count)
        yield frames
        yield CounterMetricFamily(
            "framedeflate_frame_sent_bytes", "Bytes of Frames as they were sent.", value=tallies.frame_nbytes
        )
        yield CounterMetricFamily(
            "framedeflate_frame_native_bytes",
            "Bytes of the same Frames, native.",
            value=tallies.native_frame_nbytes,
        )
        yield CounterMetricFamily(
            "framedeflate_sent_bytes", "Bytes of all payloads.", value=tallies.sent_nbytes
        )
        yield CounterMetricFamily(
            "framedeflate_requests_refused_busy",
            "Requests refused, too many at once.",
            value=tallies.refused_busy,
        )
        yield GaugeMetricFamily(
            "framedeflate_requests_in_flight", "Requests being answered.", value=tallies.in_flight
        )
        yield GaugeMetricFamily(
            "framedeflate_stored_instances", "Instances in the index.", value=self._instances.value
        )
