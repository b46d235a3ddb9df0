// SPDX-License-Identifier: Apache-2.0
#include "inflate_block.hpp"

#include <algorithm>

#include "copy_match.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kLongestMatch = 258;
// What one turn of the fast loop may write: four lookups of two literals, a match and the slack of its copy.
constexpr std::size_t kFastRoom = 8 + kLongestMatch + kCopySlack;

// What an exceptional entry leads to: itself, or where it stands for a second table, the entry found there.
std::uint32_t second_lookup(const std::uint32_t* entries, std::uint32_t e, std::uint64_t bits) noexcept {
  if (!entry::is_second_table(e)) return e;
  const std::uint64_t mask = (std::uint64_t{1} << entry::code_bits(e)) - 1;
  return entries[entry::value(e) + (bits >> entry::drop(e) & mask)];
}

// The base value of a length or distance with its extra bits added, all of them dropped.
std::uint32_t take_value(std::uint32_t e, BitSource& source) noexcept {
  const std::uint32_t all = source.take_entry(e);
  return entry::value(e) + (all >> (e >> 8 & 31));  // bit 12 is zero here
}

// The same, one symbol at a time and never a byte beyond the end.
Block inflate_end(const LiteralTable& literals, const DistanceTable& distances, BitSource& source,
                  Output& output) noexcept {
  for (;;) {
    if (source.overrun()) return Block::ended;
    output.sure = output.next;
    source.refill();
    std::uint32_t e = literals.entries[source.peek(literals.bits)];
    if (e & entry::kExceptional) e = second_lookup(literals.entries, e, source.bits());
    if (e & entry::kLiteral) {
      source.drop(entry::code_bits(e));
      if (output.room() == 0) return Block::too_long;
      *output.next++ = static_cast<std::uint8_t>(e >> 16);
      continue;
    }
    if (e & entry::kExceptional) {
      source.drop(entry::drop(e));
      return entry::is_end_of_block(e) ? Block::ended : Block::bad;
    }
    const std::size_t length = take_value(e, source);
    e = distances.entries[source.peek(distances.bits)];
    if (e & entry::kExceptional) e = second_lookup(distances.entries, e, source.bits());
    if (e & entry::kExceptional) {
      source.drop(entry::drop(e));
      return Block::bad;
    }
    const std::size_t distance = take_value(e, source);
    if (distance > output.nbytes()) return Block::bad;
    const std::size_t n = std::min(length, output.room());
    copy_match_exact(output.next, distance, n);
    output.next += n;
    if (n < length) return Block::too_long;
  }
}

}  // namespace

// The loop that does nearly all the work. What it changes lives in local variables: a byte written to the
// output might otherwise, as far as the compiler knows, change the members of this object.
Block inflate_coded_block(const LiteralTable& literal_table, const DistanceTable& distance_table,
                          BitSource& input, Output& output) noexcept {
  BitSource source = input;
  std::uint8_t* const end = output.end;
  std::uint8_t* out = output.next;
  std::uint8_t* sure = output.next;
  const std::uint32_t* const literals = literal_table.entries;
  const std::uint32_t* const distances = distance_table.entries;
  const std::uint64_t literal_mask = (std::uint64_t{1} << literal_table.bits) - 1;
  const std::uint64_t distance_mask = (std::uint64_t{1} << distance_table.bits) - 1;
  const auto put_literals = [&](std::uint32_t e) {
    const std::uint16_t pair = static_cast<std::uint16_t>(e >> 16);
    store_le16(out, pair);
    out += 1 + (e >> 12 & 1);
    source.drop_entry(e);
  };
  const auto leave = [&](Block block) {
    input = source;
    output.next = out;
    output.sure = sure;
    return block;
  };

  source.refill();
  std::uint32_t e = literals[source.bits() & literal_mask];
  // In each turn `e` is what the next bits mean, and there are at least 56 of them.
  while (static_cast<std::size_t>(end - out) >= kFastRoom) {
    if (source.near_end() && source.overrun()) [[unlikely]]
      return leave(Block::ended);
    sure = out;
    if (e & entry::kLiteral) {
      // Four lookups of at most 11 bits, or three and after another refill a match.
      put_literals(e);
      e = literals[source.bits() & literal_mask];
      if (e & entry::kLiteral) {
        put_literals(e);
        e = literals[source.bits() & literal_mask];
        if (e & entry::kLiteral) {
          put_literals(e);
          e = literals[source.bits() & literal_mask];
          if (e & entry::kLiteral) {
            put_literals(e);
            source.refill();
            e = literals[source.bits() & literal_mask];
            continue;
          }
        }
      }
      source.refill();
    }
    const std::uint64_t before = source.bits();
    const unsigned before_count = source.count();
    if (e & entry::kExceptional) [[unlikely]] {
      e = second_lookup(literals, e, source.bits());
      if (e & entry::kLiteral) {
        put_literals(e);
        source.refill();
        e = literals[source.bits() & literal_mask];
        continue;
      }
      if (e & entry::kExceptional) {
        source.drop(entry::drop(e));
        return leave(entry::is_end_of_block(e) ? Block::ended : Block::bad);
      }
    }
    std::size_t length = take_value(e, source);
    e = distances[source.bits() & distance_mask];
    if (e & entry::kExceptional) [[unlikely]] {
      e = second_lookup(distances, e, source.bits());
      if (e & entry::kExceptional) {
        source.drop(entry::drop(e));
        return leave(Block::bad);
      }
    }
    const std::size_t distance = take_value(e, source);
    if (distance > static_cast<std::size_t>(out - output.begin)) [[unlikely]]
      return leave(Block::bad);
    if (length == kLongestMatch) {
      // A long run is the same few bits again and again: one copy serves all those in the bit buffer.
      const unsigned n = before_count - source.count();
      const std::uint64_t mask = (std::uint64_t{1} << n) - 1;
      const std::size_t most = static_cast<std::size_t>(end - out) - kCopySlack - kLongestMatch;
      while (((source.bits() ^ before) & mask) == 0 && source.count() >= n && length <= most) {
        source.drop(n);
        length += kLongestMatch;
      }
    }
    // Looked up before the copy, so that the processor need not wait for one to begin the other.
    source.refill();
    e = literals[source.bits() & literal_mask];
    copy_match_wide(out, distance, length);
    out += length;
  }
  leave(Block::ended);
  return inflate_end(literal_table, distance_table, input, output);
}

}  // namespace framedeflate
