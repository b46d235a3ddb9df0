// SPDX-License-Identifier: Apache-2.0
#include "inflate_block.hpp"

#include <cstring>
#include <optional>

#include "copy_match.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kLongestMatch = 258;
// What one turn of the fast loop may write or read without asking for room: literals and a short match.
constexpr std::size_t kFastRoom = 16 + kShortCopyReach;

// What an exceptional entry leads to: itself, or where it stands for a second table, the entry found there.
std::uint64_t second_lookup(const LiteralTable& table, std::uint64_t e, std::uint64_t bits) noexcept {
  using namespace literal_entry;
  if ((e & kSecondTable) == 0) return e;
  const std::uint64_t mask = (std::uint64_t{1} << (code_bits(e) & 15)) - 1;
  return table.entries[second_start(e) + (bits >> drop(e) & mask)];
}
std::uint32_t second_lookup(const DistanceTable& table, std::uint32_t e, std::uint64_t bits) noexcept {
  using namespace distance_entry;
  if ((e & kSecondTable) == 0) return e;
  const std::uint64_t mask = (std::uint64_t{1} << code_bits(e)) - 1;
  return table.entries[value(e) + (bits >> drop(e) & mask)];
}

// The base value of a length or distance with its extra bits added, all of them dropped.
unsigned take_length(std::uint64_t e, BitSource& source) noexcept {
  const std::uint32_t all = source.take_entry(static_cast<std::uint32_t>(e));
  return literal_entry::base_length(e) + (all >> literal_entry::code_bits(e));
}
std::uint32_t take_distance(std::uint32_t e, BitSource& source) noexcept {
  const std::uint32_t all = source.take_entry(e);
  return distance_entry::value(e) + (all >> (e >> 8 & 31));  // bit 12 is zero here
}

// The same, one symbol at a time and never a byte beyond the end.
Block inflate_end(const LiteralTable& literals, const DistanceTable& distances, BitSource& source,
                  Output& output) noexcept {
  using namespace literal_entry;
  for (;;) {
    if (source.overrun()) return Block::ended;
    output.sure = output.next;
    source.refill();
    std::uint64_t e = literals.entries[source.peek(literals.bits)];
    if (e & literal_entry::kExceptional) e = second_lookup(literals, e, source.bits());
    if (e & literal_entry::kExceptional) {
      source.drop(drop(e));
      return (e & kNoCode) ? Block::bad : Block::ended;
    }
    if (count(e) != 0) {
      source.drop(first_code_bits(e));
      if (output.room() == 0) return Block::too_long;
      *output.next++ = static_cast<std::uint8_t>(literal_entry::literals(e));
      continue;
    }
    const std::size_t length = take_length(e, source);
    std::uint32_t d = distances.entries[source.peek(distances.bits)];
    if (d & distance_entry::kExceptional) d = second_lookup(distances, d, source.bits());
    if (d & distance_entry::kExceptional) {
      source.drop(distance_entry::drop(d));
      return Block::bad;
    }
    const std::size_t distance = take_distance(d, source);
    if (distance > output.nbytes()) return Block::bad;
    const bool too_long = length > output.room();
    output.next = copy_match(output.next, output.end, distance, length);
    if (too_long) return Block::too_long;
  }
}

// The loop that does nearly all the work. What it changes lives in local variables: a byte written to the
// output might otherwise, as far as the compiler knows, change the members of this object.
template <bool kWide, bool kMixed>
std::optional<Block> inflate_fast(const LiteralTable& literal_table, const DistanceTable& distance_table,
                                  BitSource& input, Output& output) noexcept {
  using literal_entry::base_length;
  constexpr std::uint64_t kNotLiterals = literal_entry::kMatch | literal_entry::kExceptional;
  BitSource source = input;
  std::uint8_t* const end = output.end;
  std::uint8_t* out = output.next;
  const std::uint64_t* const literals = literal_table.entries;
  const std::uint32_t* const distances = distance_table.entries;
  const std::uint64_t literal_mask = (std::uint64_t{1} << literal_table.bits) - 1;
  const std::uint64_t distance_mask = (std::uint64_t{1} << distance_table.bits) - 1;
  const auto leave = [&](Block block) {
    input = source;
    output.next = out;
    return block;
  };

  const auto look_up = [&] { return literals[source.bits() & literal_mask]; };
  const auto put = [&](std::uint64_t entry) {
    store_le32(out, literal_entry::literals(entry));
    out += literal_entry::count(entry);
    source.drop_entry(static_cast<std::uint32_t>(entry));
  };

  source.refill();
  std::uint64_t e = look_up();
  // In each turn `e` is what the next bits mean, and there are at least 28 of them. A lookup takes at most 11
  // of them, or with a length 16, a distance 28. Refills come where something else has to be waited for.
  while (static_cast<std::size_t>(end - out) >= kFastRoom) {
    if (source.near_end() && source.overrun()) [[unlikely]]
      return leave(Block::ended);
    output.sure = out;
    if ((e & kNotLiterals) == 0) {
      put(e);
      e = look_up();
      source.refill();
      if ((e & kNotLiterals) == 0) {
        put(e);
        e = look_up();
        if ((e & kNotLiterals) == 0) {
          put(e);
          e = look_up();
          if ((e & kNotLiterals) == 0) {
            put(e);
            e = look_up();
            source.refill();
            continue;
          }
        }
      }
    }
    const std::uint64_t before = source.bits();
    if (e & literal_entry::kExceptional) [[unlikely]] {
      source.refill();
      e = second_lookup(literal_table, e, source.bits());
      if (e & literal_entry::kExceptional) {
        source.drop(literal_entry::drop(e));
        return leave((e & literal_entry::kNoCode) ? Block::bad : Block::ended);
      }
      if ((e & literal_entry::kMatch) == 0) {
        put(e);
        source.refill();
        e = look_up();
        continue;
      }
    }
    put(e);
    std::size_t length =
        base_length(e) + ((before & ~(~std::uint64_t{0} << (e & 63))) >> literal_entry::code_bits(e));
    std::uint32_t d = distances[source.bits() & distance_mask];
    source.refill();
    if (d & distance_entry::kExceptional) [[unlikely]] {
      d = second_lookup(distance_table, d, source.bits());
      if (d & distance_entry::kExceptional) {
        source.drop(distance_entry::drop(d));
        return leave(Block::bad);
      }
    }
    const std::uint64_t distance_bits = source.bits();
    const std::size_t distance = take_distance(d, source);
    if (distance > static_cast<std::size_t>(out - output.begin)) [[unlikely]]
      return leave(Block::bad);
    if (e & literal_entry::kLongestMatch) {
      // A long run is the same few bits again and again: one copy serves all those in the bit buffer.
      const unsigned nlength = literal_entry::drop(e), n = nlength + distance_entry::drop(d);
      const std::uint64_t again = (before & ~(~std::uint64_t{0} << nlength)) | distance_bits << nlength;
      const std::uint64_t mask = ~(~std::uint64_t{0} << n);
      const auto room = static_cast<std::size_t>(end - out);
      source.refill();
      while (((source.bits() ^ again) & mask) == 0 && source.count() >= n && length + kLongestMatch <= room) {
        source.drop(n);
        length += kLongestMatch;
      }
      source.refill();
      if (distance == 1 && length <= room) {
        e = look_up();
        std::memset(out, out[-1], length);
        out += length;
        continue;
      }
    }
    // Looked up before the copy, so that the processor need not wait for one to begin the other.
    e = look_up();
    if (length > kShortCopy<kWide>) {
      const bool too_long = length > static_cast<std::size_t>(end - out);
      out = copy_match(out, end, distance, length);
      if (too_long) return leave(Block::too_long);
    } else {
      copy_match_short<kWide, kMixed>(out, distance, length);
      out += length;
    }
  }
  leave(Block::ended);
  return std::nullopt;
}

}  // namespace

Block inflate_coded_block(const LiteralTable& literals, const DistanceTable& distances, CopyHabit habit,
                          BitSource& input, Output& output) noexcept {
  const auto inflate = habit.wide ? (habit.mixed ? inflate_fast<true, true> : inflate_fast<true, false>)
                                  : (habit.mixed ? inflate_fast<false, true> : inflate_fast<false, false>);
  const std::optional<Block> block = inflate(literals, distances, input, output);
  return block ? *block : inflate_end(literals, distances, input, output);
}

}  // namespace framedeflate
