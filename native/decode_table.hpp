// SPDX-License-Identifier: Apache-2.0
// Lookup tables that turn the next bits of a DEFLATE stream into what they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// One entry answers a lookup whole: how many bits to drop, and the literals, length or distance they mean.
//   bits 0-7    bits to drop: those of the code and the extra bits behind it
//   bits 8-11   bits of the code alone; of the first code where there are two; index bits of a second table
//   bit  12     two literals
//   bit  13     literal
//   bit  14     exceptional: a second table, the end of the block, or no code at all
//   bit  15     a second table: its entries tell how many bits to drop, the first lookup drops none
//   bits 16-31  a literal, and above it the second one; base length; base distance; start of a second table;
//               0 for the end of the block, 1 for no code
namespace entry {
inline constexpr std::uint32_t kTwo = 1U << 12;
inline constexpr std::uint32_t kLiteral = 1U << 13;
inline constexpr std::uint32_t kExceptional = 1U << 14;
inline constexpr std::uint32_t kSecondTable = 1U << 15 | kExceptional;
inline constexpr std::uint32_t kEndOfBlock = kExceptional;
inline constexpr std::uint32_t kInvalid = 1U << 16 | kExceptional;

constexpr unsigned drop(std::uint32_t e) { return e & 0xFF; }
constexpr unsigned code_bits(std::uint32_t e) { return e >> 8 & 15; }
constexpr std::uint32_t value(std::uint32_t e) { return e >> 16; }
constexpr bool is_second_table(std::uint32_t e) { return (e & kSecondTable) == kSecondTable; }
constexpr bool is_end_of_block(std::uint32_t e) { return (e & kExceptional) && value(e) == 0; }
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
