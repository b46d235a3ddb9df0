// SPDX-License-Identifier: Apache-2.0
#include "inflate_pixels.hpp"

#include <cstring>

#include "batch.hpp"

namespace framedeflate {

std::vector<Inflated> inflate_pixels(std::span<const std::span<const std::uint8_t>> fragments,
                                     const FramePixels& pixels, std::span<std::uint8_t> out, Memory memory,
                                     unsigned threads) {
  if (pixels.unpacked_nbits == 0 && memory == Memory::any) {
    return inflate_batch(fragments, pixels.frame_nbytes, out, threads);
  }
  const unsigned workers = worker_count(fragments.size(), pixels.nbytes(), threads);
  std::vector<Inflated> results(fragments.size());
  std::vector<std::vector<std::uint8_t>> frames(workers);
  const auto put = [&](std::span<const std::uint8_t> frame, std::span<std::uint8_t> place) {
    if (pixels.unpacked_nbits == 0) {
      copy_into_zeroed(frame, place);
    } else {
      unpack_frame(frame, place, memory);
    }
  };
  for_each_range(fragments.size(), pixels.nbytes(), workers,
                 [&](unsigned worker, std::size_t first, std::size_t last) {
                   std::vector<std::uint8_t>& frame = frames[worker];
                   frame.resize(pixels.frame_nbytes);
                   for (std::size_t i = first; i < last; ++i) {
                     const std::span<std::uint8_t> place = out.subspan(i * pixels.nbytes(), pixels.nbytes());
                     results[i] = inflate_exact(fragments[i], frame);
                     if (results[i].defect == Defect::none) {
                       put(frame, place);
                     } else if (memory == Memory::any) {
                       std::memset(place.data(), 0, place.size());
                     }
                   }
                 });
  return results;
}

}  // namespace framedeflate
