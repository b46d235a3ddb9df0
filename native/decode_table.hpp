// SPDX-License-Identifier: Apache-2.0
// Lookup tables that turn the next bits of a DEFLATE stream into what they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// One entry answers a lookup whole: how many bits to drop, and the literal(s), length or distance they mean.
//   bits 0-4    bits to drop: the code and its extra bits
//   bit  5      exceptional: end of block, a second table, or no code at all (see `kind`)
//   bit  6      two literals
//   bit  7      literal
//   bits 8-12   bits of the code alone (of the first code where there are two); of a second table: its index
//   bits bits 13-14  kind of an exceptional entry bits 16-31  literal, and in the upper byte the second one;
//   base length; base distance; start of a second table
namespace entry {
inline constexpr std::uint32_t kExceptional = 1U << 5;
inline constexpr std::uint32_t kTwo = 1U << 6;
inline constexpr std::uint32_t kLiteral = 1U << 7;
inline constexpr std::uint32_t kKindMask = 3U << 13;
inline constexpr std::uint32_t kEndOfBlock = 0U << 13;
inline constexpr std::uint32_t kSecondTable = 1U << 13;
inline constexpr std::uint32_t kInvalid = 2U << 13;

constexpr unsigned drop(std::uint32_t e) { return e & 31; }
// The same for entries that are not exceptional, whose bit 5 is zero: a shift of 64 bits takes the lowest 6
// for granted.
constexpr unsigned drop_plain(std::uint32_t e) { return e & 63; }
constexpr unsigned code_bits(std::uint32_t e) { return e >> 8 & 31; }
constexpr std::uint32_t value(std::uint32_t e) { return e >> 16; }
}  // namespace entry

// A second table of k index bits holds at least k + 1 codes, so with 286 codes and a first table of 9 to 11
// bits (k <= 15 - bits) 286 * 2^k / (k + 1) + 2^bits is never above 3126; with 30 codes and 8 bits, never
// above 736.
inline constexpr unsigned kLiteralTableMaxBits = 11;
inline constexpr unsigned kLiteralTableSmallBits = 9;
inline constexpr unsigned kDistanceTableMaxBits = 8;
inline constexpr std::size_t kLiteralTableSize = 3200;
inline constexpr std::size_t kDistanceTableSize = 768;

// A table and the number of bits that index its first part.
template <std::size_t kSize>
struct DecodeTable {
  unsigned bits;
  std::uint32_t entries[kSize];
};
using LiteralTable = DecodeTable<kLiteralTableSize>;
using DistanceTable = DecodeTable<kDistanceTableSize>;

// The length of the code of one symbol: 1 to 15. Symbols that have none are left out, which most are in short
// blocks.
struct CodeLength {
  std::uint16_t symbol;
  std::uint16_t length;
};

// Builds from code lengths in the order of their symbols. The first table gets at most `max_bits` index bits.
// False for a set of lengths that is over-subscribed, or incomplete other than by a lone code of one bit or
// by no code at all.
[[nodiscard]] bool build_literal_table(std::span<const CodeLength> codes, unsigned max_bits,
                                       LiteralTable& table) noexcept;
[[nodiscard]] bool build_distance_table(std::span<const CodeLength> codes, DistanceTable& table) noexcept;

// The code that codes the code lengths: 7 index bits, entries of symbol << 3 | bits.
struct LengthCodeTable {
  std::uint8_t entries[128];
};
[[nodiscard]] bool build_length_code_table(std::span<const CodeLength> codes,
                                           LengthCodeTable& table) noexcept;

}  // namespace framedeflate
