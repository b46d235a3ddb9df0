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

// The code of one alphabet. `used` lists the symbols that have a code, rising; a sparse frame uses 30 of 286,
// and going through these alone halves the time that its codes and header take.
struct SymbolCode {
  static constexpr std::size_t kMost = kLitLenSymbols + 2;
  std::array<std::uint8_t, kMost> lengths{};  // 0: no code
  std::array<std::uint32_t, kMost>
      entries;  // code, first bit lowest, and from bit 16 on its length; of used ones
  std::array<std::uint16_t, kMost> used;
  std::size_t nused = 0;

  // Lengths that make the sum of count * length least with none above `limit`. Symbols that do not occur get
  // none; one that occurs alone gets a bit. Counts are below 2^22.
  void build(std::span<const std::uint32_t> counts, unsigned limit);
  // Takes lengths made elsewhere; they leave no code unused, or there is one alone.
  void take(std::span<const std::uint8_t> given);
  // Makes the canonical codes of the lengths.
  void assign();
};

struct BlockCode {
  SymbolCode litlen, distance;
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
  SymbolCode code;
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
