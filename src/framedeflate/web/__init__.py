# SPDX-License-Identifier: Apache-2.0
"""What DICOMweb (PS3.18) says of media types, negotiation, multipart payloads and content codings, as pure functions.

Nothing here opens a file or a socket. Servers, clients and checks of either can share it.

media_type        a media type and its parameters
accept            lists of them: Accept, the `accept` parameter; Accept-Encoding
wanted            elements of Accept as DICOM means them
representations   what can be sent of a stored instance: Tables 8.7.3-2, 8.7.3-5 and 10.4.4-1
negotiation       the answer
refusal           or why there is none
store_request     whether the payload of a Store can be read
multipart_reader  multipart/related as it arrives
multipart_writer  multipart/related as it is sent
content_encoding  a stored DEFLATE stream as Content-Encoding deflate or gzip
"""
