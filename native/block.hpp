// SPDX-License-Identifier: Apache-2.0
// One DEFLATE block (RFC 1951, 3.2.3 to 3.2.7): the symbols of lengths and distances, what a block costs, and
// the choice between stored, fixed and dynamic, which is made on exact sizes: a sparse frame has some hundred
// bytes, 30 to 45 of them header.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bit_writer.hpp"
#include "huffman.hpp"

namespace framedeflate {

inline constexpr std::size_t kMinMatch = 3;
inline constexpr std::size_t kMaxMatch = 258;
inline constexpr std::size_t kWindow = 32768;

struct LengthCode {
  std::uint16_t symbol;  // 257 to 285
  std::uint16_t base;    // the length it stands for without extra bits
  std::uint8_t extra_nbits;
};

// By match length, 3 to 258.
extern const std::array<LengthCode, kMaxMatch + 1> kLengthCodes;
// Extra bits of the symbols from 257 on, and of the distance symbols.
extern const std::array<std::uint8_t, 29> kLengthExtra;
extern const std::array<std::uint8_t, 30> kDistanceExtra;

struct DistanceCode {
  std::uint8_t symbol;
  std::uint8_t extra_nbits;
  std::uint16_t base;
};

[[nodiscard]] DistanceCode distance_code(std::size_t distance) noexcept;

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
