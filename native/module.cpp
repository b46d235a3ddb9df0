// SPDX-License-Identifier: Apache-2.0
// The Python face of the core. Checks sizes, holds the buffers, releases the GIL; the work is done elsewhere.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "batch.hpp"
#include "bits.hpp"
#include "element_scan.hpp"
#include "encoder.hpp"

namespace nb = nanobind;
using namespace framedeflate;

namespace {

// The bytes of any contiguous buffer, held until the end of the call. Acquire and release it with the GIL.
class Bytes {
 public:
  explicit Bytes(nb::handle object, bool writable = false) {
    if (PyObject_GetBuffer(object.ptr(), &view_, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0)
      nb::raise_python_error();
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  Bytes(Bytes&& other) noexcept : view_(other.view_) { other.view_ = {}; }
  Bytes& operator=(Bytes&&) = delete;
  ~Bytes() { PyBuffer_Release(&view_); }

  [[nodiscard]] std::span<std::uint8_t> span() const {
    return {static_cast<std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_ = {};
};

// New bytes of a known size, written before anyone else can see them.
class NewBytes {
 public:
  explicit NewBytes(std::size_t nbytes) {
    if (nbytes > static_cast<std::size_t>(std::numeric_limits<Py_ssize_t>::max())) throw std::bad_alloc();
    object_ = nb::steal<nb::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(nbytes)));
    if (!object_.is_valid()) nb::raise_python_error();
  }
  [[nodiscard]] std::span<std::uint8_t> span() const {
    return {reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(object_.ptr())),
            static_cast<std::size_t>(PyBytes_GET_SIZE(object_.ptr()))};
  }
  [[nodiscard]] nb::bytes take() { return std::move(object_); }

 private:
  nb::bytes object_;
};

void require(bool condition, const char* message) {
  if (!condition) throw nb::value_error(message);
}

std::uint64_t position_of(std::int64_t value, const char* message) {
  require(value >= 0, message);
  return static_cast<std::uint64_t>(value);
}

std::size_t at_least(std::int64_t value, std::int64_t least, const char* message) {
  require(value >= least && static_cast<std::uint64_t>(value) <= std::numeric_limits<std::size_t>::max(),
          message);
  return static_cast<std::size_t>(value);
}

// a * b, where a product that does not fit could only belong to a buffer that cannot exist.
std::size_t product(std::size_t a, std::size_t b, const char* message) {
  require(b == 0 || a <= std::numeric_limits<std::size_t>::max() / 2 / b, message);
  return a * b;
}

constexpr const char* kFrameNbytes = "frame_nbytes must be at least 1";
constexpr const char* kFrameNbits = "frame_nbits must be at least 1";
constexpr const char* kNframes = "nframes must not be negative";
constexpr const char* kFirstBit = "first_bit must not be negative";
constexpr const char* kRowNbits = "row_nbits must not be negative";
constexpr const char* kThreads = "threads must not be negative";
constexpr const char* kWholeFrames = "frames must hold whole frames of frame_nbytes";
constexpr const char* kOutSize = "out must hold frame_nbytes for each fragment";
constexpr const char* kStreamFrames = "frames must hold frame_nbytes for each stream";
constexpr const char* kBitsBeyond = "the frames reach beyond the end of the buffer";
constexpr const char* kPackedSize = "frames must hold ceil(frame_nbits / 8) bytes for each frame";
constexpr const char* kPixelSize = "pixels must hold frame_nbits bytes for each frame";

unsigned thread_count(std::int64_t threads) {
  return static_cast<unsigned>(std::min<std::size_t>(at_least(threads, 0, kThreads), 1U << 16));
}

// ceil(frame_nbits / 8) * nframes.
std::size_t packed_nbytes(std::size_t frame_nbits, std::size_t nframes, const char* message) {
  return product(frame_nbits / 8 + (frame_nbits % 8 != 0), nframes, message);
}

void require_bits(std::size_t first_bit, std::size_t frame_nbits, std::size_t nframes, std::size_t nbytes) {
  const std::size_t nbits = product(frame_nbits, nframes, kBitsBeyond);
  require(first_bit / 8 <= nbytes && nbits <= std::numeric_limits<std::size_t>::max() - first_bit,
          kBitsBeyond);
  const std::size_t end = first_bit + nbits;
  require(end / 8 + (end % 8 != 0) <= nbytes, kBitsBeyond);
}

nb::list deflate_frames_py(nb::handle frames, std::int64_t frame_nbytes, std::int64_t row_nbits, int level,
                           std::int64_t threads) {
  const std::size_t nbytes = at_least(frame_nbytes, 1, kFrameNbytes);
  const std::size_t row = at_least(row_nbits, 0, kRowNbits);
  require(level >= 1 && level <= 9, "level must be 1 to 9");
  const unsigned workers = thread_count(threads);
  const Bytes native(frames);
  require(native.span().size() % nbytes == 0, kWholeFrames);
  Deflated deflated;
  {
    const nb::gil_scoped_release release;
    deflated = deflate_batch(native.span(), nbytes, row, level, workers);
  }
  nb::list streams;
  for (std::size_t i = 0; i < deflated.places.size(); ++i) {
    const std::span<const std::uint8_t> stream = deflated.stream(i);
    streams.append(nb::bytes(stream.data(), stream.size()));
  }
  return streams;
}

nb::bytes photographic_frames_py(nb::handle frames, std::int64_t frame_nbytes, std::int64_t row_nbits) {
  const std::size_t nbytes = at_least(frame_nbytes, 1, kFrameNbytes);
  const std::size_t row = at_least(row_nbits, 0, kRowNbits);
  const Bytes native(frames);
  require(native.span().size() % nbytes == 0, kWholeFrames);
  NewBytes answers(native.span().size() / nbytes);
  {
    const nb::gil_scoped_release release;
    for (std::size_t i = 0; i < answers.span().size(); ++i) {
      answers.span()[i] = looks_photographic(native.span().subspan(i * nbytes, nbytes), row) ? 1 : 0;
    }
  }
  return answers.take();
}

// Many buffers at once.
struct Fragments {
  explicit Fragments(const nb::sequence& fragments) {
    for (const nb::handle fragment : fragments) {
      held.emplace_back(fragment);
      spans.push_back(held.back().span());
    }
  }
  std::vector<Bytes> held;
  std::vector<std::span<const std::uint8_t>> spans;
};

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
  NewBytes defects(results.size());
  nb::list consumed;
  nb::list produced;
  for (std::size_t i = 0; i < results.size(); ++i) {
    defects.span()[i] = static_cast<std::uint8_t>(results[i].defect);
    consumed.append(results[i].consumed);
    produced.append(results[i].produced);
  }
  return nb::make_tuple(defects.take(), consumed, produced);
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

nb::bytes cut_bits_py(nb::handle source, std::int64_t first_bit, std::int64_t frame_nbits,
                      std::int64_t nframes) {
  const std::size_t first = at_least(first_bit, 0, kFirstBit);
  const std::size_t nbits = at_least(frame_nbits, 1, kFrameNbits);
  const std::size_t count = at_least(nframes, 0, kNframes);
  const Bytes native(source);
  require_bits(first, nbits, count, native.span().size());
  NewBytes frames(packed_nbytes(nbits, count, kBitsBeyond));
  {
    const nb::gil_scoped_release release;
    cut_bits(native.span(), first, nbits, count, frames.span());
  }
  return frames.take();
}

void join_bits_py(nb::handle frames, std::int64_t frame_nbits, std::int64_t nframes, std::int64_t first_bit,
                  nb::handle into) {
  const std::size_t first = at_least(first_bit, 0, kFirstBit);
  const std::size_t nbits = at_least(frame_nbits, 1, kFrameNbits);
  const std::size_t count = at_least(nframes, 0, kNframes);
  const Bytes packed(frames);
  const Bytes native(into, true);
  require(packed.span().size() == packed_nbytes(nbits, count, kPackedSize), kPackedSize);
  require_bits(first, nbits, count, native.span().size());
  const nb::gil_scoped_release release;
  join_bits(packed.span(), nbits, count, first, native.span());
}

void unpack_bits_py(nb::handle frames, std::int64_t frame_nbits, std::int64_t nframes, nb::handle out) {
  const std::size_t nbits = at_least(frame_nbits, 1, kFrameNbits);
  const std::size_t count = at_least(nframes, 0, kNframes);
  const Bytes packed(frames);
  const Bytes pixels(out, true);
  require(packed.span().size() == packed_nbytes(nbits, count, kPackedSize), kPackedSize);
  require(pixels.span().size() == product(nbits, count, kPixelSize), kPixelSize);
  const nb::gil_scoped_release release;
  unpack_bits(packed.span(), nbits, count, pixels.span());
}

nb::bytes pack_bits_py(nb::handle pixels, std::int64_t frame_nbits, std::int64_t nframes) {
  const std::size_t nbits = at_least(frame_nbits, 1, kFrameNbits);
  const std::size_t count = at_least(nframes, 0, kNframes);
  const Bytes unpacked(pixels);
  require(unpacked.span().size() == product(nbits, count, kPixelSize), kPixelSize);
  NewBytes frames(packed_nbytes(nbits, count, kPackedSize));
  {
    const nb::gil_scoped_release release;
    pack_bits(unpacked.span(), nbits, count, frames.span());
  }
  return frames.take();
}

nb::tuple scan_items_py(nb::handle window, std::int64_t start) {
  const std::uint64_t first = position_of(start, "start must not be negative");
  const Bytes bytes(window);
  ItemScan scan;
  {
    const nb::gil_scoped_release release;
    scan = scan_items(bytes.span(), first);
  }
  return nb::make_tuple(scan.value_positions, scan.value_nbytes, scan.resume, static_cast<int>(scan.status));
}

const char* status_name(ElementScan::Status status) {
  switch (status) {
    case ElementScan::Status::more:
      return "more";
    case ElementScan::Status::done:
      return "done";
    case ElementScan::Status::pixel_data:
      return "pixel-data";
    case ElementScan::Status::bad_structure:
      return "bad-structure";
    case ElementScan::Status::too_deep:
      return "too-deep";
    case ElementScan::Status::truncated:
      return "truncated";
  }
  return "bad-structure";
}

nb::list records_py(const ElementScan& scan) {
  nb::list records;
  for (const ElementRecord& r : scan.records()) {
    records.append(nb::make_tuple(r.tag, nb::bytes(r.vr, r.vr[0] == 0 ? 0 : 2), r.header_position,
                                  r.value_position, r.value_nbytes, r.depth));
  }
  return records;
}

void init_scan(ElementScan* self, std::int64_t start, std::int64_t stop, bool implicit_vr, bool big_endian,
               nb::iterable wanted, bool descend) {
  const std::uint64_t first = position_of(start, "start must not be negative");
  require(stop >= start, "stop must not lie before start");
  ElementScan::Options options{first, static_cast<std::uint64_t>(stop), implicit_vr, big_endian, descend, {}};
  for (const nb::handle tag : wanted) options.wanted.insert(nb::cast<std::uint32_t>(tag));
  new (self) ElementScan(std::move(options));
}

void feed_scan(ElementScan& self, nb::handle window, std::int64_t position) {
  const std::uint64_t first = position_of(position, "position must not be negative");
  require(first <= self.resume(), "the window must not begin behind `resume`");
  const Bytes bytes(window);
  self.feed(bytes.span(), first);
}

}  // namespace

NB_MODULE(_native, m) {
  m.def("deflate_frames", deflate_frames_py, nb::arg("frames"), nb::arg("frame_nbytes"), nb::arg("row_nbits"),
        nb::arg("level"), nb::arg("threads"));
  m.def("photographic_frames", photographic_frames_py, nb::arg("frames"), nb::arg("frame_nbytes"),
        nb::arg("row_nbits"));
  m.def("inflate_frames", inflate_frames_py, nb::arg("fragments"), nb::arg("frame_nbytes"), nb::arg("out"),
        nb::arg("threads"));
  m.def("first_mismatch", first_mismatch_py, nb::arg("streams"), nb::arg("frame_nbytes"), nb::arg("frames"),
        nb::arg("threads"));
  m.def("cut_bits", cut_bits_py, nb::arg("source"), nb::arg("first_bit"), nb::arg("frame_nbits"),
        nb::arg("nframes"));
  m.def("join_bits", join_bits_py, nb::arg("frames"), nb::arg("frame_nbits"), nb::arg("nframes"),
        nb::arg("first_bit"), nb::arg("into"));
  m.def("unpack_bits", unpack_bits_py, nb::arg("frames"), nb::arg("frame_nbits"), nb::arg("nframes"),
        nb::arg("out"));
  m.def("pack_bits", pack_bits_py, nb::arg("pixels"), nb::arg("frame_nbits"), nb::arg("nframes"));
  m.def("scan_items", scan_items_py, nb::arg("window"), nb::arg("start"));
  nb::class_<ElementScan>(m, "ElementScan")
      .def("__init__", init_scan, nb::kw_only(), nb::arg("start"), nb::arg("stop"), nb::arg("implicit_vr"),
           nb::arg("big_endian"), nb::arg("wanted"), nb::arg("descend"))
      .def("feed", feed_scan, nb::arg("window"), nb::arg("position"))
      .def_prop_ro("resume", &ElementScan::resume)
      .def_prop_ro("status", [](const ElementScan& self) { return status_name(self.status()); })
      .def_prop_ro("defect_position", &ElementScan::defect_position)
      .def_prop_ro("records", records_py);
}
