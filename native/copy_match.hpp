// SPDX-License-Identifier: Apache-2.0
// Copies within the output, where source and destination may overlap: a distance of 1 repeats one byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace framedeflate {

// Up to this length a match is copied without asking how long it is.
template <bool kWide>
inline constexpr std::size_t kShortCopy = kWide ? 64 : 32;
// How far behind its start copy_match_short may write or read.
inline constexpr std::size_t kShortCopyReach = 2 * kShortCopy<true>;

// A match of any length, or as much of it as there is room for before `end`, and never a byte beyond that.
// Returns where it ends.
std::uint8_t* copy_match(std::uint8_t* to, std::uint8_t* end, std::size_t distance,
                         std::size_t length) noexcept;

// Distances of 2 to 15. May write 8 bytes behind the end of the match.
void copy_match_near(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept;

// At most kShortCopy bytes: how many is not asked, nor with `kMixed` whether the match is a run, where
// neither can be predicted.
template <bool kWide, bool kMixed>
void copy_match_short(std::uint8_t* to, std::size_t distance, std::size_t length) noexcept {
  constexpr std::size_t kWidth = kShortCopy<kWide>;
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
