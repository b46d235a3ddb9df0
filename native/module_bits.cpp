// SPDX-License-Identifier: Apache-2.0
#include "bits.hpp"
#include "module.hpp"
#include "python_buffers.hpp"
#include "unpack.hpp"

namespace framedeflate {
namespace {

constexpr const char* kFrameNbits = "frame_nbits must be at least 1";
constexpr const char* kNframes = "nframes must not be negative";
constexpr const char* kFirstBit = "first_bit must not be negative";
constexpr const char* kBitsBeyond = "the frames reach beyond the end of the buffer";
constexpr const char* kPackedSize = "frames must hold ceil(frame_nbits / 8) bytes for each frame";
constexpr const char* kPixelSize = "pixels must hold frame_nbits bytes for each frame";

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

}  // namespace

void register_bits(nanobind::module_& m) {
  m.def("cut_bits", cut_bits_py, nb::arg("source"), nb::arg("first_bit"), nb::arg("frame_nbits"),
        nb::arg("nframes"));
  m.def("join_bits", join_bits_py, nb::arg("frames"), nb::arg("frame_nbits"), nb::arg("nframes"),
        nb::arg("first_bit"), nb::arg("into"));
  m.def("unpack_bits", unpack_bits_py, nb::arg("frames"), nb::arg("frame_nbits"), nb::arg("nframes"),
        nb::arg("out"));
  m.def("pack_bits", pack_bits_py, nb::arg("pixels"), nb::arg("frame_nbits"), nb::arg("nframes"));
}

}  // namespace framedeflate
