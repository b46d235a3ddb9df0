// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "batch.hpp"
#include "encoder.hpp"
#include "inflate_checksums.hpp"
#include "items.hpp"
#include "module.hpp"
#include "module_inflated.hpp"
#include "python_buffers.hpp"

namespace framedeflate {
namespace {

constexpr const char* kRowNbits = "row_nbits must not be negative";
constexpr const char* kWholeFrames = "frames must hold whole frames of frame_nbytes";
constexpr const char* kOutSize = "out must hold frame_nbytes for each fragment";
constexpr const char* kExpectedSize = "expected must be as large as frames";
constexpr const char* kStreamFrames = "frames must hold frame_nbytes for each stream";

DeflateJob deflate_job(const Bytes& frames, std::int64_t frame_nbytes, std::int64_t row_nbits, int level) {
  DeflateJob job{.frames = frames.span(),
                 .frame_nbytes = at_least(frame_nbytes, 1, kFrameNbytes),
                 .row_nbits = at_least(row_nbits, 0, kRowNbits),
                 .level = level};
  require(level >= 1 && level <= 9, "level must be 1 to 9");
  require(job.frames.size() % job.frame_nbytes == 0, kWholeFrames);
  return job;
}

nb::list deflate_frames_py(nb::handle frames, std::int64_t frame_nbytes, std::int64_t row_nbits, int level,
                           std::int64_t threads) {
  const unsigned workers = thread_count(threads);
  const Bytes native(frames);
  const DeflateJob job = deflate_job(native, frame_nbytes, row_nbits, level);
  Deflated deflated;
  {
    const nb::gil_scoped_release release;
    deflated = deflate_batch(job, workers);
  }
  nb::list streams;
  for (std::size_t i = 0; i < deflated.places.size(); ++i) {
    const std::span<const std::uint8_t> stream = deflated.stream(i);
    streams.append(nb::bytes(stream.data(), stream.size()));
  }
  return streams;
}

nb::tuple deflate_items_py(nb::handle frames, std::int64_t frame_nbytes, std::int64_t row_nbits, int level,
                           std::int64_t threads, nb::handle expected) {
  const unsigned workers = thread_count(threads);
  const Bytes native(frames);
  DeflateJob job = deflate_job(native, frame_nbytes, row_nbits, level);
  job.skip_photographic = true;
  std::optional<Bytes> compared;
  if (!expected.is_none()) {
    compared.emplace(expected);
    job.expected = compared->span();
    require(job.expected.size() == job.frames.size(), kExpectedSize);
  }
  Deflated deflated;
  std::size_t nbytes;
  {
    const nb::gil_scoped_release release;
    deflated = deflate_batch(job, workers);
    nbytes = items_nbytes(deflated);
  }
  NewBytes items(nbytes);
  {
    const nb::gil_scoped_release release;
    write_items(deflated, items.span());
  }
  nb::list sizes;
  for (const Deflated::Place& place : deflated.places) sizes.append(place.nbytes);
  const bool same = deflated.first_mismatch == deflated.places.size();
  return nb::make_tuple(items.take(), sizes,
                        same ? nb::none() : nb::object(nb::int_(deflated.first_mismatch)));
}

nb::bytes photographic_frames_py(nb::handle frames, std::int64_t frame_nbytes, std::int64_t row_nbits,
                                 int level) {
  const std::size_t nbytes = at_least(frame_nbytes, 1, kFrameNbytes);
  const std::size_t row = at_least(row_nbits, 0, kRowNbits);
  const Bytes native(frames);
  require(native.span().size() % nbytes == 0, kWholeFrames);
  NewBytes answers(native.span().size() / nbytes);
  {
    const nb::gil_scoped_release release;
    for (std::size_t i = 0; i < answers.span().size(); ++i) {
      answers.span()[i] = looks_photographic(native.span().subspan(i * nbytes, nbytes), row, level) ? 1 : 0;
    }
  }
  return answers.take();
}

nb::tuple inflate_frames_py(nb::sequence fragments, std::int64_t frame_nbytes, nb::handle out,
                            std::int64_t threads) {
  const std::size_t nbytes = at_least(frame_nbytes, 1, kFrameNbytes);
  const unsigned workers = thread_count(threads);
  const Fragments held(fragments);
  const auto& spans = held.spans;
  const Bytes native(out, true);
  require(native.span().size() == product(nbytes, spans.size(), kOutSize), kOutSize);
  std::vector<Inflated> results;
  {
    const nb::gil_scoped_release release;
    results = inflate_batch(spans, nbytes, native.span(), workers);
  }
  return as_python(results);
}

nb::tuple inflate_checksums_py(nb::sequence fragments, std::int64_t frame_nbytes, std::int64_t threads) {
  const std::size_t nbytes = at_least(frame_nbytes, 1, kFrameNbytes);
  const unsigned workers = thread_count(threads);
  const Fragments held(fragments);
  InflatedChecksums found;
  {
    const nb::gil_scoped_release release;
    found = inflate_checksums(held.spans, nbytes, workers);
  }
  nb::list adler32s;
  nb::list crc32s;
  for (const FrameChecksums& frame : found.checksums) {
    adler32s.append(frame.adler32);
    crc32s.append(frame.crc32);
  }
  const nb::tuple results = as_python(found.results);
  return nb::make_tuple(results[0], results[1], results[2], adler32s, crc32s);
}

nb::object first_mismatch_py(nb::sequence streams, std::int64_t frame_nbytes, nb::handle frames,
                             std::int64_t threads) {
  const std::size_t nbytes = at_least(frame_nbytes, 1, kFrameNbytes);
  const unsigned workers = thread_count(threads);
  const Fragments held(streams);
  const Bytes native(frames);
  require(native.span().size() == product(nbytes, held.spans.size(), kStreamFrames), kStreamFrames);
  std::size_t first;
  {
    const nb::gil_scoped_release release;
    first = first_mismatch(held.spans, nbytes, native.span(), workers);
  }
  return first == held.spans.size() ? nb::none() : nb::object(nb::int_(first));
}

}  // namespace

void register_frames(nanobind::module_& m) {
  m.def("deflate_frames", deflate_frames_py, nb::arg("frames"), nb::arg("frame_nbytes"), nb::arg("row_nbits"),
        nb::arg("level"), nb::arg("threads"));
  m.def("deflate_items", deflate_items_py, nb::arg("frames"), nb::arg("frame_nbytes"), nb::arg("row_nbits"),
        nb::arg("level"), nb::arg("threads"), nb::kw_only(), nb::arg("expected").none());
  m.def("photographic_frames", photographic_frames_py, nb::arg("frames"), nb::arg("frame_nbytes"),
        nb::arg("row_nbits"), nb::arg("level") = 1);
  m.def("inflate_frames", inflate_frames_py, nb::arg("fragments"), nb::arg("frame_nbytes"), nb::arg("out"),
        nb::arg("threads"));
  m.def("inflate_checksums", inflate_checksums_py, nb::arg("fragments"), nb::arg("frame_nbytes"),
        nb::arg("threads"));
  m.def("first_mismatch", first_mismatch_py, nb::arg("streams"), nb::arg("frame_nbytes"), nb::arg("frames"),
        nb::arg("threads"));
}

}  // namespace framedeflate
