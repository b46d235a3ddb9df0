// SPDX-License-Identifier: Apache-2.0
// Lookup tables that turn the next bits of a DEFLATE stream into what they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// One entry of the literal table answers a lookup whole: up to three literals, a match's length behind them,
// or that alone.
//   bits 0-7    bits to drop: those of the codes and the length's extra bits
//   bits 8-13   bits of the codes alone; index bits of a second table; at least 32 in what cannot be joined
//   bit  14     exceptional: a second table, the end of the block, or no code at all. Stands alone
//   bit  15     a match
//   bit  16     a match of 258 bytes with nothing before it
//   bit  17     with 14: a second table. The first lookup drops no bits
//   bit  18     with 14: no code
//   bits 20-28  base length; 0 without a match
//   bits 29-31  number of literals
//   bits 32-55  the literals, the first lowest; start of a second table
//   bits 56-63  bits of the first code alone
namespace literal_entry {
inline constexpr std::uint64_t kExceptional = 1U << 14;
inline constexpr std::uint64_t kMatch = 1U << 15;
inline constexpr std::uint64_t kLongestMatch = 1U << 16;
inline constexpr std::uint64_t kSecondTable = 1U << 17;
inline constexpr std::uint64_t kNoCode = 1U << 18;
inline constexpr std::uint64_t kUnjoinable = 32U << 8;
inline constexpr std::uint64_t kOneLiteral = std::uint64_t{1} << 29;

constexpr unsigned drop(std::uint64_t e) { return e & 0xFF; }
constexpr unsigned code_bits(std::uint64_t e) { return e >> 8 & 63; }
constexpr unsigned first_code_bits(std::uint64_t e) { return static_cast<unsigned>(e >> 56); }
constexpr unsigned base_length(std::uint64_t e) { return e >> 20 & 511; }
constexpr unsigned count(std::uint64_t e) { return static_cast<std::uint32_t>(e) >> 29; }
constexpr std::uint32_t literals(std::uint64_t e) { return static_cast<std::uint32_t>(e >> 32); }
constexpr std::size_t second_start(std::uint64_t e) { return literals(e) & 0xFFFFFF; }
}  // namespace literal_entry

// An entry of the distance table.
//   bits 0-7    bits to drop: those of the code and the extra bits behind it
//   bits 8-11   bits of the code alone; index bits of a second table
//   bit  14     exceptional: a second table or no code at all
//   bit  15     a second table; the first lookup drops no bits
//   bits 16-31  base distance; start of a second table
namespace distance_entry {
inline constexpr std::uint32_t kExceptional = 1U << 14;
inline constexpr std::uint32_t kSecondTable = 1U << 15;

constexpr unsigned drop(std::uint32_t e) { return e & 0xFF; }
constexpr unsigned code_bits(std::uint32_t e) { return e >> 8 & 15; }
constexpr std::uint32_t value(std::uint32_t e) { return e >> 16; }
}  // namespace distance_entry

// A second table of k index bits holds at least k + 1 codes, so with 286 codes and a first table of 9 to 11
// bits (k <= 15 - bits) 286 * 2^k / (k + 1) + 2^bits is never above 3126; with 30 codes and 8 bits, never
// above 736.
inline constexpr unsigned kLiteralTableMaxBits = 11;
inline constexpr unsigned kLiteralTableSmallBits = 9;
inline constexpr unsigned kDistanceTableMaxBits = 8;
inline constexpr std::size_t kLiteralTableSize = 3200;
inline constexpr std::size_t kDistanceTableSize = 768;

// A table and the number of bits that index its first part.
template <typename Entry, std::size_t kSize>
struct DecodeTable {
  unsigned bits;
  Entry entries[kSize];
};
using LiteralTable = DecodeTable<std::uint64_t, kLiteralTableSize>;
using DistanceTable = DecodeTable<std::uint32_t, kDistanceTableSize>;

// The length of the code of one symbol: 1 to 15. Symbols that have none are left out, which most are in short
// blocks.
struct CodeLength {
  std::uint16_t symbol;
  std::uint16_t length;
};

// Builds from code lengths in the order of their symbols. The first table gets at most `max_bits` index bits.
// False for a set of lengths that is over-subscribed, or incomplete other than by a lone code of one bit or
// by no code at all. `join` also puts what fits the first table behind a literal into its entries.
[[nodiscard]] bool build_literal_table(std::span<const CodeLength> codes, unsigned max_bits, bool join,
                                       LiteralTable& table) noexcept;
[[nodiscard]] bool build_distance_table(std::span<const CodeLength> codes, DistanceTable& table) noexcept;

// The code that codes the code lengths: 7 index bits, entries of symbol << 3 | bits.
struct LengthCodeTable {
  std::uint8_t entries[128];
};
[[nodiscard]] bool build_length_code_table(std::span<const CodeLength> codes,
                                           LengthCodeTable& table) noexcept;

}  // namespace framedeflate
