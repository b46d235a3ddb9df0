// SPDX-License-Identifier: Apache-2.0
// One DEFLATE block (RFC 1951, 3.2.3 to 3.2.7): the symbols of lengths and distances, what a block costs, and
// the choice between stored, fixed and dynamic, which is made on exact sizes: a sparse frame has some hundred
// bytes, 30 to 45 of them header.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bit_writer.hpp"
#include "huffman.hpp"

namespace framedeflate {

inline constexpr std::size_t kMinMatch = 3;
inline constexpr std::size_t kMaxMatch = 258;
inline constexpr std::size_t kWindow = 32768;

// Extra bits and first length of the symbols from 257 on, and extra bits of the distance symbols.
inline constexpr std::array<std::uint8_t, 29> kLengthExtra = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                              2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
inline constexpr std::array<std::uint16_t, 29> kLengthBases = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                               15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                               67, 83, 99, 115, 131, 163, 195, 227, 258};
inline constexpr std::array<std::uint8_t, 30> kDistanceExtra = {
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

// The symbol of each length from 3 to 258.
constexpr std::array<std::uint16_t, kMaxMatch + 1> length_symbols() {
  std::array<std::uint16_t, kMaxMatch + 1> symbols{};
  for (std::size_t i = 0; i < kLengthBases.size(); ++i) {
    for (std::size_t length = kLengthBases[i]; length <= kMaxMatch; ++length) {
      symbols[length] = static_cast<std::uint16_t>(257 + i);
    }
  }
  return symbols;
}
inline constexpr std::array<std::uint16_t, kMaxMatch + 1> kLengthSymbols = length_symbols();

struct DistanceCode {
  std::uint8_t symbol;
  std::uint8_t extra_nbits;
  std::uint16_t base;
};

[[nodiscard]] constexpr DistanceCode distance_code(std::size_t distance) noexcept {
  const auto less = static_cast<std::uint32_t>(distance - 1);
  if (less < 4) return {static_cast<std::uint8_t>(less), 0, static_cast<std::uint16_t>(distance)};
  const auto extra = static_cast<unsigned>(std::bit_width(less)) - 2;
  const std::uint32_t half = less >> extra & 1;
  return {static_cast<std::uint8_t>(2 * extra + 2 + half), static_cast<std::uint8_t>(extra),
          static_cast<std::uint16_t>(((2 + half) << extra) + 1)};
}

struct Histogram {
  std::array<std::uint32_t, kLitLenSymbols + 2> litlen{};
  std::array<std::uint32_t, kDistanceSymbols + 2> distance{};
};

enum class BlockKind : std::uint8_t { stored = 0, fixed = 1, dynamic = 2 };

struct BlockPlan {
  BlockKind kind = BlockKind::stored;
  std::size_t nbits = 0;  // with the block's three header bits; stored: with the bits up to the byte
  BlockCode code;         // the dynamic one
  DynamicHeader header;

  [[nodiscard]] const BlockCode& used() const { return kind == BlockKind::fixed ? fixed_code() : code; }
};

// Fills `plan` for a block with these symbols (the end of block is added here) that stands for nbytes of the
// frame. `pending` is BitWriter::pending(), which says what a stored block wastes.
void plan_block(Histogram& histogram, std::size_t nbytes, unsigned pending, BlockPlan& plan);

// The bits that go in front of a fixed or dynamic block's symbols.
void begin_block(BitWriter& writer, const BlockPlan& plan, bool last);

// All of `bytes` in stored blocks of at most 65535.
void write_stored(BitWriter& writer, std::span<const std::uint8_t> bytes, bool last);

}  // namespace framedeflate
