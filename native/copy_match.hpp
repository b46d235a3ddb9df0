// SPDX-License-Identifier: Apache-2.0
// Copies within the output, where source and destination may overlap: a distance of 1 repeats one byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bit_source.hpp"

namespace framedeflate {

// copy_match_wide may write this many bytes behind the end of the match.
inline constexpr std::size_t kCopySlack = 32;

inline void copy_match_exact(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  if (distance == 1) {
    if (length != 0) std::memset(to, to[-1], length);
  } else if (distance >= length) {
    if (length != 0) std::memcpy(to, to - distance, length);
  } else {
    for (const std::uint8_t* const end = to + length; to != end; ++to) *to = *(to - distance);
  }
}

inline void copy_match_wide(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  const std::uint8_t* from = to - distance;
  const std::uint8_t* const end = to + length;
  if (distance >= 16) {
    // Most matches are short: 32 bytes come without asking how many there are.
    do {
      std::uint8_t piece[16];
      std::memcpy(piece, from, 16);
      std::memcpy(to, piece, 16);
      std::memcpy(piece, from + 16, 16);
      std::memcpy(to + 16, piece, 16);
      from += 32;
      to += 32;
    } while (to < end);
  } else if (distance == 1) {
    std::uint8_t piece[16];
    std::memset(piece, *from, 16);
    do {
      std::memcpy(to, piece, 16);
      std::memcpy(to + 16, piece, 16);
      to += 32;
    } while (to < end);
  } else if (distance >= 8) {
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

}  // namespace framedeflate
