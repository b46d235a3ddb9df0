// SPDX-License-Identifier: Apache-2.0
// Fragments straight to pixels: each Frame is inflated into a small buffer and taken from there while it is
// in the cache, so that the packed Frames of a batch never go through memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "inflate.hpp"
#include "unpack.hpp"

namespace framedeflate {

// What a Frame's native bytes become.
struct FramePixels {
  std::size_t frame_nbytes;
  // Bits of a single-bit Frame, each of which becomes a byte 0 or 1; 0 where the native bytes are copied.
  std::size_t unpacked_nbits;

  [[nodiscard]] std::size_t nbytes() const noexcept {
    return unpacked_nbits != 0 ? unpacked_nbits : frame_nbytes;
  }
};

// Inflates each Fragment into its part of `out`, of fragments.size() * pixels.nbytes() bytes. The part of a
// Fragment with a defect is zero afterwards.
[[nodiscard]] std::vector<Inflated> inflate_pixels(std::span<const std::span<const std::uint8_t>> fragments,
                                                   const FramePixels& pixels, std::span<std::uint8_t> out,
                                                   Memory memory, unsigned threads);

}  // namespace framedeflate
