// SPDX-License-Identifier: Apache-2.0
// Single-bit Frames: the least significant bit of a byte comes first (PS3.5 8.1.1, Annex D).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// Cuts `nframes` Frames of `frame_nbits` bits out of native Pixel Data, the first of them at bit `first_bit`
// of `source`, and gives each its own ceil(frame_nbits / 8) bytes of `out`, unused bits zero.
void cut_bits(std::span<const std::uint8_t> source, std::size_t first_bit, std::size_t frame_nbits,
              std::size_t nframes, std::span<std::uint8_t> out);

// The reverse: lays Frames that each start at a byte one behind the other, from bit `first_bit` of `into` on.
// Bits before it are kept; those after the last Frame in its last byte are zeroed; unused bits of the Frames
// are ignored.
void join_bits(std::span<const std::uint8_t> frames, std::size_t frame_nbits, std::size_t nframes,
               std::size_t first_bit, std::span<std::uint8_t> into);

// Frames that each start at a byte from one byte a pixel, of which any but zero is a 1. unpack.hpp has the
// reverse.
void pack_bits(std::span<const std::uint8_t> pixels, std::size_t frame_nbits, std::size_t nframes,
               std::span<std::uint8_t> frames);

}  // namespace framedeflate
