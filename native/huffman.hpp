// SPDX-License-Identifier: Apache-2.0
// Prefix codes as DEFLATE wants them (RFC 1951, 3.2.2, 3.2.7): code lengths of least total size under a
// limit, the canonical codes that follow from them, and the header of a dynamic block that tells a decoder
// the lengths.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bit_writer.hpp"

namespace framedeflate {

inline constexpr std::size_t kLitLenSymbols = 286;
inline constexpr std::size_t kDistanceSymbols = 30;
inline constexpr unsigned kMaxCodeLength = 15;
inline constexpr std::size_t kEndOfBlock = 256;

// Lengths that make the sum of count * length least with none above `limit`. Symbols that do not occur get 0;
// a symbol that occurs alone gets 1. Counts stay below 2^31 in sum.
void build_code_lengths(std::span<const std::uint32_t> counts, unsigned limit,
                        std::span<std::uint8_t> lengths);

// The canonical code of each symbol, its bits turned round so that a BitWriter takes it as it is.
void assign_codes(std::span<const std::uint8_t> lengths, std::span<std::uint16_t> codes);

struct BlockCode {
  std::array<std::uint8_t, kLitLenSymbols + 2> litlen_lengths{};
  std::array<std::uint8_t, kDistanceSymbols + 2> distance_lengths{};
  std::array<std::uint16_t, kLitLenSymbols + 2> litlen_codes{};
  std::array<std::uint16_t, kDistanceSymbols + 2> distance_codes{};

  void assign() {
    assign_codes(litlen_lengths, litlen_codes);
    assign_codes(distance_lengths, distance_codes);
  }
};

// The code of a block of type 01.
[[nodiscard]] const BlockCode& fixed_code();

// The code lengths of a block, run-length coded and ready to be written.
struct DynamicHeader {
  struct Item {
    std::uint8_t symbol;
    std::uint8_t extra;
  };
  std::array<Item, kLitLenSymbols + kDistanceSymbols> items;
  std::size_t nitems = 0;
  unsigned nlitlen = 0, ndistance = 0, ncodelength = 0;
  std::array<std::uint8_t, 19> lengths{};
  std::array<std::uint16_t, 19> codes{};
  std::size_t nbits = 0;  // without the three bits of the block header

  void write(BitWriter& writer) const;
};

// How the repeat codes 16, 17 and 18 are used. A plain greedy header is what every encoder writes first;
// giving up one kind of repeat makes the code length code itself shorter now and then.
struct HeaderStyle {
  bool repeat_previous = true;  // 16
  bool short_zeros = true;      // 17
  bool long_zeros = true;       // 18
};

void plan_header(const BlockCode& code, HeaderStyle style, DynamicHeader& header);

}  // namespace framedeflate
