// SPDX-License-Identifier: Apache-2.0
// Copies within the output, where source and destination may overlap: a distance of 1 repeats one byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

namespace detail {
template <std::size_t kWidth>
inline void copy_steps(std::uint8_t* to, const std::uint8_t* from, const std::uint8_t* end) noexcept {
  do {
    std::uint8_t piece[kWidth];
    std::memcpy(piece, from, kWidth);
    std::memcpy(to, piece, kWidth);
    from += kWidth;
    to += kWidth;
  } while (to < end);
}
}  // namespace detail

inline void copy_match_wide(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  const std::uint8_t* from = to - distance;
  const std::uint8_t* const end = to + length;
  if (distance >= 16) {
    detail::copy_steps<16>(to, from, end);
  } else if (distance == 1) {
    std::uint8_t piece[16];
    std::memset(piece, *from, 16);
    do {
      std::memcpy(to, piece, 16);
      std::memcpy(to + 16, piece, 16);
      to += 32;
    } while (to < end);
  } else if (distance >= 8) {
    detail::copy_steps<8>(to, from, end);
  } else {
    // 2 to 7: eight bytes of the pattern, laid down at steps that are a multiple of its period.
    std::uint8_t piece[8];
    for (std::size_t i = 0; i < 8; ++i) piece[i] = from[i % distance];
    const std::size_t step = 8 - 8 % distance;
    do {
      std::memcpy(to, piece, 8);
      to += step;
    } while (to < end);
  }
}

}  // namespace framedeflate
