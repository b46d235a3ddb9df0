# SPDX-License-Identifier: Apache-2.0
"""The Capabilities Description of the service: a WADL document of its resources (PS3.18 Annex H, Table H-1)."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from framedeflate.web.rendering.parameters import RENDERED_TYPES

__all__ = ["RESOURCES", "Method", "Resource", "write_document"]

_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"

_DICOM: Final = ('multipart/related; type="application/dicom"', "application/dicom")
_BULK: Final = (
    'multipart/related; type="application/octet-stream"',
    "application/octet-stream",
    'multipart/related; type="application/x-deflate"',
    "application/x-deflate",
)
_METADATA: Final = ("application/dicom+json", 'multipart/related; type="application/dicom+xml"')
_MATCHES: Final = ("limit", "offset", "includefield", "fuzzymatching", "{attribute}")


@dataclass(frozen=True, slots=True)
class Method:
    """A transaction on a resource.

    Attributes
    ----------
    name : str
        ``GET`` | ``POST`` | ``DELETE``.
    identifier : str
        The transaction.
    answers : tuple of str
        Media types of the answer, the default first.
    takes : tuple of str
        Media types of the payload.
    parameters : tuple of str
        Query parameters.
    """

    name: str
    identifier: str
    answers: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """A segment of paths, and what lies below it."""

    path: str
    methods: tuple[Method, ...] = ()
    below: tuple["Resource", ...] = ()


def _get(identifier: str, answers: tuple[str, ...], *parameters: str) -> Method:
    return Method("GET", identifier, answers, parameters=("accept", *parameters))


def _search(identifier: str) -> Method:
    return Method("GET", identifier, _METADATA, parameters=("accept", *_MATCHES))


def _store(identifier: str) -> Method:
    takes = (
        'multipart/related; type="application/dicom"',
        "application/dicom",
        'multipart/related; type="application/dicom+json"',
        'multipart/related; type="application/dicom+xml"',
    )
    return Method("POST", identifier, ("application/dicom+json", "application/dicom+xml"), takes)


def _delete(identifier: str) -> Method:
    return Method("DELETE", identifier)


def _shown(of: str) -> tuple[Resource, Resource, Resource]:
    """Return what every level has: metadata, rendered and thumbnail."""
    return (
        Resource("metadata", (_get(f"Retrieve{of}Metadata", _METADATA),)),
        Resource(
            "rendered", (_get(f"RetrieveRendered{of}", RENDERED_TYPES, "quality", "viewport", "window"),)
        ),
        Resource("thumbnail", (_get(f"Retrieve{of}Thumbnail", RENDERED_TYPES, "viewport"),)),
    )


_FRAMES: Final = Resource(
    "frames",
    (),
    (
        Resource(
            "{frames}",
            (_get("RetrieveFrames", _BULK),),
            (
                Resource(
                    "rendered",
                    (_get("RetrieveRenderedFrames", RENDERED_TYPES, "quality", "viewport", "window"),),
                ),
                Resource("thumbnail", (_get("RetrieveFrameThumbnail", RENDERED_TYPES, "viewport"),)),
            ),
        ),
    ),
)

_INSTANCE: Final = Resource(
    "{instance}",
    (_get("RetrieveInstance", _DICOM), _delete("DeleteInstance")),
    (
        *_shown("Instance"),
        _FRAMES,
        Resource(
            "bulkdata",
            (_get("RetrieveInstanceBulkdata", _BULK),),
            (Resource("{path}", (_get("RetrieveBulkdata", _BULK),)),),
        ),
        Resource("pixeldata", (_get("RetrieveInstancePixelData", _BULK),)),
    ),
)

_SERIES: Final = Resource(
    "{series}",
    (_get("RetrieveSeries", _DICOM), _delete("DeleteSeries")),
    (*_shown("Series"), Resource("instances", (_search("SearchForStudySeriesInstances"),), (_INSTANCE,))),
)

_STUDY: Final = Resource(
    "{study}",
    (_get("RetrieveStudy", _DICOM), _store("StoreStudyInstances"), _delete("DeleteStudy")),
    (
        *_shown("Study"),
        Resource("series", (_search("SearchForStudySeries"),), (_SERIES,)),
        Resource("instances", (_search("SearchForStudyInstances"),)),
    ),
)

RESOURCES: Final = (
    Resource("studies", (_search("SearchForStudies"), _store("StoreInstances")), (_STUDY,)),
    Resource("series", (_search("SearchForSeries"),)),
    Resource("instances", (_search("SearchForInstances"),)),
)
"""What this service can have. Table H-1 has more, all of it optional."""


def write_document(
    base: str, offered: Container[tuple[str, str]], resources: Sequence[Resource] = RESOURCES
) -> bytes:
    """Return the document.

    Parameters
    ----------
    base : str
        URL of the service.
    offered : container of (method, path)
        What this server answers, paths as templates below the base; what is not in it is left out.
    resources : sequence of Resource
        The tree of all that could be.
    """
    application = Element("application", {"xmlns": _NAMESPACE})
    root = SubElement(application, "resources", {"base": base.rstrip("/") + "/"})
    for resource in resources:
        _add(root, resource, "", offered)
    document: str = tostring(application, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'.encode()


def _add(parent: Element, resource: Resource, above: str, offered: Container[tuple[str, str]]) -> None:
    path = f"{above}/{resource.path}"
    element = SubElement(parent, "resource", {"path": resource.path})
    if resource.path.startswith("{"):
        name = resource.path.strip("{}")
        SubElement(element, "param", {"name": name, "style": "template", "required": "true"})
    for method in resource.methods:
        if (method.name, path) in offered:
            _add_method(element, method)
    for below in resource.below:
        _add(element, below, path, offered)
    if len(element) == 0:
        parent.remove(element)


def _add_method(parent: Element, method: Method) -> None:
    element = SubElement(parent, "method", {"name": method.name, "id": method.identifier})
    request = SubElement(element, "request")
    if method.answers:
        accept = SubElement(
            request, "param", {"name": "Accept", "style": "header", "default": method.answers[0]}
        )
        for answer in method.answers:
            SubElement(accept, "option", {"value": answer})
    for parameter in method.parameters:
        SubElement(request, "param", {"name": parameter, "style": "query"})
    for taken in method.takes:
        SubElement(request, "representation", {"mediaType": taken})
    response = SubElement(element, "response", {"status": "204"} if not method.answers else {})
    for answer in method.answers:
        SubElement(response, "representation", {"mediaType": answer})
