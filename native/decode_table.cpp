// SPDX-License-Identifier: Apache-2.0
#include "decode_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace framedeflate {
namespace {

constexpr unsigned kMaxCodeBits = 15;
constexpr std::size_t kMaxSymbols = 288;

// Adding a code of n bits to a symbol's entry adds n of these: to `drop`, `code_bits` and `first_code_bits`.
template <typename Entry>
constexpr Entry kPerCodeBit = 0x101;
template <>
constexpr std::uint64_t kPerCodeBit<std::uint64_t> = 0x101 | std::uint64_t{1} << 56;

constexpr std::array<std::uint64_t, kMaxSymbols> make_literal_entries() {
  using namespace literal_entry;
  std::array<std::uint64_t, kMaxSymbols> entries{};
  for (std::uint64_t symbol = 0; symbol < 256; ++symbol) entries[symbol] = kOneLiteral | symbol << 32;
  entries[256] = kExceptional | kUnjoinable;
  // RFC 1951 3.2.5: lengths 3 to 257 in groups of 4 codes for each number of extra bits, and 285 for 258
  // alone.
  std::uint64_t base = 3;
  for (std::uint64_t symbol = 257; symbol < 285; ++symbol) {
    const std::uint64_t extra = symbol < 265 ? 0 : (symbol - 261) / 4;
    entries[symbol] = kMatch | base << 20 | extra;
    base += std::uint64_t{1} << extra;
  }
  entries[285] = kMatch | kLongestMatch | std::uint64_t{258} << 20;
  entries[286] = entries[287] = kExceptional | kNoCode | kUnjoinable;
  return entries;
}

constexpr std::array<std::uint32_t, 32> make_distance_entries() {
  std::array<std::uint32_t, 32> entries{};
  std::uint32_t base = 1;
  for (std::uint32_t symbol = 0; symbol < 30; ++symbol) {
    const std::uint32_t extra = symbol < 4 ? 0 : (symbol - 2) / 2;
    entries[symbol] = base << 16 | extra;
    base += 1U << extra;
  }
  entries[30] = entries[31] = distance_entry::kExceptional;
  return entries;
}

constexpr auto kLiteralEntries = make_literal_entries();
constexpr auto kDistanceEntries = make_distance_entries();

constexpr std::uint64_t second_table(std::uint64_t start, unsigned bits, unsigned first_bits) {
  return start << 32 | literal_entry::kExceptional | literal_entry::kSecondTable |
         literal_entry::kUnjoinable | bits << 8 | first_bits;
}
constexpr std::uint32_t second_table(std::uint32_t start, unsigned bits, unsigned first_bits) {
  return start << 16 | distance_entry::kExceptional | distance_entry::kSecondTable | bits << 8 | first_bits;
}
constexpr std::uint64_t no_code(std::uint64_t) {
  return literal_entry::kExceptional | literal_entry::kNoCode | literal_entry::kUnjoinable | 1;
}
constexpr std::uint32_t no_code(std::uint32_t) { return distance_entry::kExceptional | 1; }

// Codes are sent with their first bit lowest, so the canonical order counts from the highest bit down.
constexpr std::uint32_t next_code(std::uint32_t code, unsigned bits) noexcept {
  std::uint32_t bit = 1U << (bits - 1);
  while (code & bit) bit >>= 1;
  return bit == 0 ? 0 : (code & (bit - 1)) | bit;
}

enum class CodeSet : std::uint8_t { broken, empty, lone_code, complete };

// The symbols of a canonical code in the order of their codes.
struct SortedCode {
  std::array<std::uint16_t, kMaxCodeBits + 1> count{};
  std::array<std::uint16_t, kMaxSymbols> symbols;
  std::array<std::uint16_t, kMaxSymbols> codes;  // as they are sent, of those that the first table holds
  unsigned longest = 0;

  CodeSet sort(std::span<const CodeLength> codes) noexcept {
    for (const CodeLength code : codes) ++count[code.length];
    longest = kMaxCodeBits;
    while (longest > 0 && count[longest] == 0) --longest;
    std::int32_t unused = 1;  // codes of the current length that are not taken
    std::array<std::uint16_t, kMaxCodeBits + 2> start;
    start[1] = 0;
    for (unsigned bits = 1; bits <= longest; ++bits) {
      unused = 2 * unused - count[bits];
      if (unused < 0) return CodeSet::broken;
      start[bits + 1] = static_cast<std::uint16_t>(start[bits] + count[bits]);
    }
    if (longest == 0) return CodeSet::empty;
    if (unused > 0 && longest > 1) return CodeSet::broken;
    for (const CodeLength code : codes) symbols[start[code.length]++] = code.symbol;
    return unused > 0 ? CodeSet::lone_code : CodeSet::complete;
  }
};

template <typename Entry, std::size_t kSize>
bool build(SortedCode& code, std::span<const CodeLength> codes, std::span<const Entry> symbol_entries,
           unsigned max_bits, DecodeTable<Entry, kSize>& table) noexcept {
  constexpr Entry kNoCode = no_code(Entry{});
  const CodeSet set = code.sort(codes);
  if (set == CodeSet::broken) return false;
  if (set != CodeSet::complete) {
    // A broken stream only once its missing code is used.
    table.bits = 1;
    table.entries[0] = set == CodeSet::empty ? kNoCode : symbol_entries[code.symbols[0]] + kPerCodeBit<Entry>;
    table.entries[1] = kNoCode;
    return true;
  }
  const unsigned bits = std::min(code.longest, max_bits);
  table.bits = bits;
  Entry* const entries = table.entries;
  const std::uint16_t* symbol = code.symbols.data();
  std::uint16_t* sent = code.codes.data();
  std::uint32_t next = 0;
  for (unsigned length = 1; length <= bits; ++length) {
    for (unsigned i = code.count[length]; i != 0; --i) {
      entries[next] = symbol_entries[*symbol++] + length * kPerCodeBit<Entry>;
      *sent++ = static_cast<std::uint16_t>(next);
      next = next_code(next, length);
    }
    // What is known of the first 2^length entries holds for those that differ in the next bit only.
    if (length < bits) std::memcpy(entries + (std::size_t{1} << length), entries, sizeof(*entries) << length);
  }
  std::size_t end = std::size_t{1} << bits;
  const std::uint32_t prefix_mask = (1U << bits) - 1;
  for (unsigned length = bits + 1; length <= code.longest;) {
    if (code.count[length] == 0) {
      ++length;
      continue;
    }
    // A second table for all codes that begin with these bits: as wide as the longest of them.
    const std::uint32_t prefix = next & prefix_mask;
    unsigned second_bits = length - bits;
    std::int32_t room = (1 << second_bits) - code.count[length];
    while (room > 0) {
      ++second_bits;
      room = 2 * room - code.count[bits + second_bits];
    }
    entries[prefix] = second_table(static_cast<Entry>(end), second_bits, bits);
    Entry* const second = entries + end;
    const std::size_t second_size = std::size_t{1} << second_bits;
    end += second_size;
    while ((next & prefix_mask) == prefix) {
      while (code.count[length] == 0) ++length;
      const unsigned rest = length - bits;
      const Entry e = symbol_entries[*symbol++] + length * kPerCodeBit<Entry>;
      for (std::size_t i = next >> bits; i < second_size; i += std::size_t{1} << rest) second[i] = e;
      --code.count[length];
      next = next_code(next, length);
      if (next == 0) return true;  // that was the code of ones only: the last
    }
  }
  return true;
}

// Noise and texture have many literals, edges a literal or two and then a match.
void join(const SortedCode& code, LiteralTable& table) noexcept {
  using namespace literal_entry;
  constexpr std::uint64_t kLow = 0xFFFFFFFF & ~kLongestMatch;
  unsigned shortest = 1;
  while (code.count[shortest] == 0) ++shortest;
  if (2 * shortest > table.bits) return;
  // What a code is followed by, as it was before any were joined.
  std::array<std::uint64_t, std::size_t{1} << (kLiteralTableMaxBits - 1)> alone;
  std::memcpy(alone.data(), table.entries, sizeof(std::uint64_t) << (table.bits - shortest));
  std::size_t i = 0;
  for (unsigned bits = shortest; bits + shortest <= table.bits; ++bits) {
    const unsigned rest = table.bits - bits;
    for (unsigned n = code.count[bits]; n != 0; --n, ++i) {
      if (code.symbols[i] >= 256) continue;
      std::uint64_t* const entries = table.entries + code.codes[i];
      const std::uint64_t one = *entries;
      for (std::size_t next = 0; next < std::size_t{1} << rest; ++next) {
        const std::uint64_t two = alone[next];
        const std::uint64_t fits = -static_cast<std::uint64_t>(code_bits(two) <= rest);
        entries[next << bits] = one + (((two & kLow) + (two >> 32 << 56 >> 16)) & fits);
      }
    }
  }
}

}  // namespace

bool build_literal_table(std::span<const CodeLength> codes, unsigned max_bits, bool joined,
                         LiteralTable& table) noexcept {
  SortedCode code;
  if (!build<std::uint64_t>(code, codes, kLiteralEntries, max_bits, table)) return false;
  if (joined && table.bits > 1) join(code, table);
  return true;
}

bool build_distance_table(std::span<const CodeLength> codes, DistanceTable& table) noexcept {
  SortedCode code;
  return build<std::uint32_t>(code, codes, kDistanceEntries, kDistanceTableMaxBits, table);
}

bool build_length_code_table(std::span<const CodeLength> codes, LengthCodeTable& table) noexcept {
  SortedCode code;
  const CodeSet set = code.sort(codes);
  if (set == CodeSet::empty) {
    // zlib lets this pass, too, and reads a length of 0 from every bit: the missing end-of-block code is the
    // defect.
    std::memset(table.entries, 1, sizeof(table.entries));
    return true;
  }
  if (set != CodeSet::complete) return false;
  const std::uint16_t* symbol = code.symbols.data();
  std::uint32_t next = 0;
  for (unsigned length = 1; length <= code.longest; ++length) {
    for (unsigned i = code.count[length]; i != 0; --i) {
      const auto e = static_cast<std::uint8_t>(*symbol++ << 3 | length);
      for (std::size_t at = next; at < 128; at += std::size_t{1} << length) table.entries[at] = e;
      next = next_code(next, length);
    }
  }
  return true;
}

}  // namespace framedeflate
