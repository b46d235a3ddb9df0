// SPDX-License-Identifier: Apache-2.0
// Copies within the output, where source and destination may overlap: a distance of 1 repeats one byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bit_source.hpp"

namespace framedeflate {

// copy_match may write this many bytes behind the end of the match.
inline constexpr std::size_t kCopySlack = 64;

inline void copy_match_exact(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  if (distance == 1) {
    if (length != 0) std::memset(to, to[-1], length);
  } else if (distance >= length) {
    if (length != 0) std::memcpy(to, to - distance, length);
  } else {
    for (const std::uint8_t* const end = to + length; to != end; ++to) *to = *(to - distance);
  }
}

inline void copy16(std::uint8_t* to, const std::uint8_t* from) noexcept {
  std::uint8_t piece[16];
  std::memcpy(piece, from, 16);
  std::memcpy(to, piece, 16);
}

// Distances of 2 to 15.
inline void copy_match_near(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  const std::uint8_t* from = to - distance;
  const std::uint8_t* const end = to + length;
  if (distance >= 8) {
    do {
      std::uint8_t piece[8];
      std::memcpy(piece, from, 8);
      std::memcpy(to, piece, 8);
      from += 8;
      to += 8;
    } while (to < end);
  } else {
    // 2 to 7: eight bytes of the pattern, laid down at steps that are a multiple of its period.
    constexpr std::uint8_t kStep[8] = {0, 0, 8, 6, 8, 5, 6, 7};
    const unsigned period = static_cast<unsigned>(8 * distance);
    std::uint64_t pattern = load_le64(from) & ((std::uint64_t{1} << period) - 1);
    pattern |= pattern << period;
    if (period < 32) pattern |= pattern << (2 * period);
    const std::size_t step = kStep[distance];
    do {
      store_le64(to, pattern);
      to += step;
    } while (to < end);
  }
}

inline void copy_match_long(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  const std::uint8_t* const end = to + length;
  if (distance == 1) {
    std::memset(to, to[-1], length);
  } else if (distance >= 16) {
    const std::uint8_t* from = to - distance;
    do {
      copy16(to, from);
      copy16(to + 16, from + 16);
      from += 32;
      to += 32;
    } while (to < end);
  } else {
    copy_match_near(to, distance, length);
  }
}

// Of 32 bytes, or `kWide` 64, it is not asked how many are needed. `kMixed`: nor whether the match is a run;
// both could not be predicted.
template <bool kWide, bool kMixed>
void copy_match(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  constexpr std::size_t kWidth = kWide ? 64 : 32;
  if (length > kWidth) {
    copy_match_long(to, distance, length);
    return;
  }
  if (distance - 2 < 14) [[unlikely]] {
    copy_match_near(to, distance, length);
    return;
  }
  if (!kMixed && distance == 1) [[unlikely]] {
    std::memset(to, to[-1], kWidth);
    return;
  }
  // What is loaded is not used for a run, and lies where nothing has just been stored that the load would
  // have to wait for.
  const std::uint64_t run = kMixed ? -static_cast<std::uint64_t>(distance == 1) : 0;
  const std::uint64_t bytes = run & to[-1] * std::uint64_t{0x0101010101010101};
  const std::uint8_t* const from =
      to + (static_cast<std::ptrdiff_t>(run & (kWidth + 1)) - static_cast<std::ptrdiff_t>(distance));
  for (std::size_t i = 0; i < kWidth; i += 16) {
    std::uint64_t piece[2];
    std::memcpy(piece, from + i, 16);
    piece[0] = (piece[0] & ~run) | bytes;
    piece[1] = (piece[1] & ~run) | bytes;
    std::memcpy(to + i, piece, 16);
  }
}

}  // namespace framedeflate
