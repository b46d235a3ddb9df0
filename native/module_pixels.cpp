// SPDX-License-Identifier: Apache-2.0
#include "inflate_pixels.hpp"
#include "module.hpp"
#include "module_inflated.hpp"
#include "python_buffers.hpp"

namespace framedeflate {
namespace {

constexpr const char* kUnpackedNbits = "unpacked_nbits must be 0 or fill frame_nbytes";
constexpr const char* kPixelSize = "out must hold each fragment's pixels";

nb::tuple inflate_pixels_py(nb::sequence fragments, std::int64_t frame_nbytes, std::int64_t unpacked_nbits,
                            nb::handle out, bool zeroed, std::int64_t threads) {
  const FramePixels pixels{at_least(frame_nbytes, 1, kFrameNbytes),
                           at_least(unpacked_nbits, 0, kUnpackedNbits)};
  const std::size_t nbits = pixels.unpacked_nbits;
  require(nbits == 0 || nbits / 8 + (nbits % 8 != 0) == pixels.frame_nbytes, kUnpackedNbits);
  const unsigned workers = thread_count(threads);
  const Fragments held(fragments);
  const Bytes array(out, true);
  require(array.span().size() == product(pixels.nbytes(), held.spans.size(), kPixelSize), kPixelSize);
  std::vector<Inflated> results;
  {
    const nb::gil_scoped_release release;
    results =
        inflate_pixels(held.spans, pixels, array.span(), zeroed ? Memory::zeroed : Memory::any, workers);
  }
  return as_python(results);
}

}  // namespace

void register_pixels(nb::module_& m) {
  m.def("inflate_pixels", inflate_pixels_py, nb::arg("fragments"), nb::arg("frame_nbytes"),
        nb::arg("unpacked_nbits"), nb::arg("out"), nb::kw_only(), nb::arg("zeroed"), nb::arg("threads"));
}

}  // namespace framedeflate
