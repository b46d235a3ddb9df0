// SPDX-License-Identifier: Apache-2.0
// Native bytes to pixels: one byte (0 or 1) a pixel of single-bit Frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// Whether the pixels' memory holds zeros already. Memory fresh from the system does, and each page of it that
// is never written to costs neither time nor room: most pages of most segmentations.
enum class Memory : std::uint8_t { any, zeroed };

// One Frame of pixels.size() bits that starts at a byte. Unused bits of its last byte are ignored.
void unpack_frame(std::span<const std::uint8_t> frame, std::span<std::uint8_t> pixels,
                  Memory memory) noexcept;

// The same of Frames one behind the other.
void unpack_bits(std::span<const std::uint8_t> frames, std::size_t frame_nbits, std::size_t nframes,
                 std::span<std::uint8_t> pixels) noexcept;

// Copies what is not zero, 64 bytes at a time, into memory that is zero.
void copy_into_zeroed(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) noexcept;

}  // namespace framedeflate
