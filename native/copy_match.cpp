// SPDX-License-Identifier: Apache-2.0
#include "copy_match.hpp"

#include <algorithm>

#include "bit_source.hpp"

namespace framedeflate {
namespace {

// What is written may reach this many bytes behind the end of the match.
constexpr std::size_t kSlack = 32;

void copy16(std::uint8_t* to, const std::uint8_t* from) noexcept {
  std::uint8_t piece[16];
  std::memcpy(piece, from, 16);
  std::memcpy(to, piece, 16);
}

void copy_exactly(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  if (distance >= length) {
    if (length != 0) std::memcpy(to, to - distance, length);
  } else {
    for (const std::uint8_t* const end = to + length; to != end; ++to) *to = *(to - distance);
  }
}

void copy_wide(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  const std::uint8_t* from = to - distance;
  const std::uint8_t* const end = to + length;
  do {
    copy16(to, from);
    copy16(to + 16, from + 16);
    from += 32;
    to += 32;
  } while (to < end);
}

}  // namespace

std::uint8_t* copy_match(std::uint8_t* to, std::uint8_t* end, std::size_t distance,
                         std::size_t length) noexcept {
  const auto room = static_cast<std::size_t>(end - to);
  const std::size_t n = std::min(length, room);
  if (distance == 1) {
    if (n != 0) std::memset(to, to[-1], n);
  } else if (n + kSlack > room) {
    copy_exactly(to, distance, n);
  } else if (distance >= 16) {
    copy_wide(to, distance, n);
  } else {
    copy_match_near(to, distance, n);
  }
  return to + n;
}

void copy_match_near(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
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

}  // namespace framedeflate
