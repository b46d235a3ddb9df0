// SPDX-License-Identifier: Apache-2.0
// Level 1: one greedy pass over the two bitmaps. What limits a dense frame is not work but mispredicted
// branches, so the pass leaves a plain array of items (literals and matches alike), which is then counted and
// written by loops without a branch: nuclei take half the time of a version that kept tokens and looped over
// their literals.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "encoder_parts.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

// An item is a literal (below 256) or a match: 256 for distance 1 or 512 for the row, plus length - 3.
using Item = std::uint16_t;
constexpr std::size_t kMatchItems = 256, kItemKinds = 768;
constexpr std::size_t kBlockItems = 1 << 16;  // a match too long for what is left of it ends the block
constexpr std::size_t kSlack = 128;           // items that may be written behind the last

constexpr Item match_item(std::size_t row, std::size_t length) {
  return static_cast<Item>(kMatchItems + 256 * row + length - kMinMatch);
}

// `a` where the condition is 1, `b` where it is 0, without the branch that compilers like to make of ?: here.
constexpr std::size_t choose(std::size_t condition, std::size_t a, std::size_t b) {
  return b ^ ((a ^ b) & (std::size_t{0} - condition));
}

struct Block {
  std::size_t start, stop, nitems;
};

// The bytes [from, to) as items; sixteen at a time where the frame goes on.
Item* add_literals(std::span<const std::uint8_t> frame, std::size_t from, std::size_t to, Item* items) {
  const std::uint8_t* at = frame.data() + from;
  const std::size_t nliterals = to - from;
  Item* const end = items + nliterals;
  if (from + nliterals + 16 <= frame.size()) {
    do {
      for (std::size_t k = 0; k < 16; ++k) items[k] = at[k];
      at += 16;
      items += 16;
    } while (items < end);
  } else {
    while (items < end) *items++ = *at++;
  }
  return end;
}

// A row match of three bytes seldom beats them as literals, so four is the least (0.1 to 0.6 % smaller, and
// quicker than an estimate of the three).
//
// Fills `items` from `start` on, until the frame ends or the block is full.
Block parse(std::span<const std::uint8_t> frame, std::size_t start, const std::uint64_t* run_map,
            const std::uint64_t* row_map, Item* const items) {
  const std::size_t stop = frame.size();
  Item* out = items;
  std::size_t i = start, literals_from = start;
  while (i + kMinMatch <= stop && static_cast<std::size_t>(out - items) + (i - literals_from) < kBlockItems) {
    std::uint64_t run = map_window(run_map, i), row = map_window(row_map, i);
    const std::uint64_t row_pairs = row & row >> 1;
    const std::uint64_t starts = (run & run >> 1 & run >> 2) | (row_pairs & row_pairs >> 2);
    if (starts == 0) {
      i += kMapWindow - 3;
      continue;
    }
    const auto skip = static_cast<unsigned>(std::countr_zero(starts));
    i += skip;
    run >>= skip;
    row >>= skip;
    auto run_nbytes = static_cast<std::size_t>(std::countr_one(run));
    auto row_nbytes = static_cast<std::size_t>(std::countr_one(row));
    // A run that begins with the next byte and reaches as far is cheaper by the extra bits of the row's
    // distance.
    auto later_nbytes = static_cast<std::size_t>(std::countr_one(run >> 1));
    if (std::max({run_nbytes, row_nbytes, later_nbytes + 1}) + skip >= kMapWindow) {
      run_nbytes = run_length(run_map, i, stop - i);
      row_nbytes = run_nbytes == stop - i ? 0 : run_length(row_map, i, stop - i);
      later_nbytes = run_nbytes == 0 ? run_length(run_map, i + 1, stop - i - 1) : 0;
    }
    const std::size_t wait = std::size_t{run_nbytes == 0} & std::size_t{later_nbytes >= kMinMatch} &
                             std::size_t{later_nbytes + 1 >= row_nbytes};
    const std::size_t use_row = std::size_t{row_nbytes > run_nbytes} & ~wait;
    const std::size_t length = choose(wait, later_nbytes, choose(use_row, row_nbytes, run_nbytes));
    i += wait;
    Item* const match = add_literals(frame, literals_from, i, out);
    if (length > kMaxMatch) {
      // No more of them than the block holds, and nothing left that is too short for a match.
      const auto room =
          static_cast<std::size_t>(items + kBlockItems + 1 - std::min(match, items + kBlockItems));
      const std::size_t repeats = std::min(length / kMaxMatch, room);
      const std::size_t rest = length - repeats * kMaxMatch;
      out = std::fill_n(match, repeats, match_item(use_row, kMaxMatch));
      i += repeats * kMaxMatch;
      if (rest >= kMinMatch && repeats < room) {
        *out++ = match_item(use_row, rest);
        i += rest;
      }
      literals_from = i;
      continue;
    }
    *match = match_item(use_row, length);
    i += length;
    out = match + 1;
    literals_from = i;
  }
  if (i + kMinMatch > stop) i = stop;
  out = add_literals(frame, literals_from, i, out);
  return {start, i, static_cast<std::size_t>(out - items)};
}

constexpr std::array<std::uint16_t, kItemKinds> item_symbols() {
  std::array<std::uint16_t, kItemKinds> symbols{};
  for (std::size_t item = 0; item < kItemKinds; ++item) {
    symbols[item] =
        item < kMatchItems ? static_cast<std::uint16_t>(item) : kLengthSymbols[(item & 255) + kMinMatch];
  }
  return symbols;
}
constexpr std::array<std::uint16_t, kItemKinds> kItemSymbols = item_symbols();

void count(std::span<const Item> items, std::size_t row_symbol, Histogram& histogram) {
  // Two tables in turn: adding to one counter again and again waits for the store before.
  std::array<std::uint32_t, kLitLenSymbols + 2> other{};
  std::uint32_t nmatches = 0, nrows = 0;
  std::size_t i = 0;
  for (; i + 2 <= items.size(); i += 2) {
    const unsigned first = items[i], second = items[i + 1];
    ++histogram.litlen[kItemSymbols[first]];
    ++other[kItemSymbols[second]];
    nrows += (first >> 9) + (second >> 9);
  }
  if (i < items.size()) {
    ++histogram.litlen[kItemSymbols[items[i]]];
    nrows += items[i] >> 9;
  }
  for (std::size_t symbol = 0; symbol < other.size(); ++symbol) histogram.litlen[symbol] += other[symbol];
  for (std::size_t symbol = kEndOfBlock + 1; symbol < kLitLenSymbols; ++symbol)
    nmatches += histogram.litlen[symbol];
  histogram.distance[0] += nmatches - nrows;
  histogram.distance[row_symbol] += nrows;
}

// A code with its extra bits, the count of bits in the top byte.
struct Bits {
  std::uint64_t bits = 0;
  unsigned count = 0;

  void append(std::uint64_t more, unsigned more_count) {
    bits |= more << count;
    count += more_count;
  }
  void append(std::uint32_t entry) { append(entry & 0xFFFF, entry >> 16); }
  [[nodiscard]] std::uint64_t packed() const { return bits | std::uint64_t{count} << 56; }
};

void write_items(std::span<const Item> items, const BlockCode& code, std::size_t row, BitWriter& out) {
  std::array<std::uint64_t, kItemKinds> table;
  std::array<Bits, 2> distances;
  const DistanceCode row_code = distance_code(std::max<std::size_t>(row, 1));
  if (code.distance.lengths[0] != 0) distances[0].append(code.distance.entries[0]);
  if (row != 0 && code.distance.lengths[row_code.symbol] != 0) {
    distances[1].append(code.distance.entries[row_code.symbol]);
    distances[1].append(row - row_code.base, row_code.extra_nbits);
  }
  for (std::size_t i = 0; i < code.litlen.nused; ++i) {
    const std::size_t symbol = code.litlen.used[i];
    Bits bits;
    bits.append(code.litlen.entries[symbol]);
    if (symbol < kMatchItems) {
      table[symbol] = bits.packed();
    } else if (symbol > kEndOfBlock && symbol < kLitLenSymbols) {
      // All lengths of the symbol at once: they differ in the extra bits alone.
      const std::size_t base = kLengthBases[symbol - 257], extra_nbits = kLengthExtra[symbol - 257];
      const std::size_t nlengths = symbol == 284 ? 31 : std::size_t{1} << extra_nbits;
      for (const std::size_t use_row : {0, 1}) {
        Bits first = bits;
        first.count += static_cast<unsigned>(extra_nbits);
        first.append(distances[use_row].bits, distances[use_row].count);
        std::uint64_t* const place = table.data() + match_item(use_row, base);
        for (std::size_t k = 0; k < nlengths; ++k)
          place[k] = first.packed() + (std::uint64_t{k} << bits.count);
      }
    }
  }
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 56) - 1;
  BitWriter writer = out;  // a copy of its own can stay in registers
  std::size_t i = 0;
  for (; i + 2 <= items.size(); i += 2) {
    const std::uint64_t first = table[items[i]], second = table[items[i + 1]];
    const auto first_count = static_cast<unsigned>(first >> 56),
               second_count = static_cast<unsigned>(second >> 56);
    writer.put(first & kMask, first_count);
    if (first_count + second_count > 56) writer.flush();
    writer.put_and_flush(second & kMask, second_count);
  }
  if (i < items.size())
    writer.put_and_flush(table[items[i]] & kMask, static_cast<unsigned>(table[items[i]] >> 56));
  const std::uint32_t end = code.litlen.entries[kEndOfBlock];
  writer.put_and_flush(end & 0xFFFF, end >> 16);
  out = writer;
}

}  // namespace

void fast_histogram(std::span<const std::uint8_t> frame, std::size_t start, std::size_t row,
                    EncoderScratch::Buffers& buffers, Histogram& histogram) {
  buffers.items.resize(std::min(frame.size(), kBlockItems) + kSlack);
  histogram = {};
  while (start < frame.size()) {
    const Block block =
        parse(frame, start, buffers.run_map.data(), buffers.row_map.data(), buffers.items.data());
    count({buffers.items.data(), block.nitems}, row == 0 ? 0 : distance_code(row).symbol, histogram);
    start = block.stop;
  }
}

void deflate_fast(std::span<const std::uint8_t> frame, std::size_t row, EncoderScratch::Buffers& buffers,
                  BitWriter& writer) {
  buffers.items.resize(std::min(frame.size(), kBlockItems) + kSlack);
  const std::size_t row_symbol = row == 0 ? 0 : distance_code(row).symbol;
  std::size_t start = 0;
  do {
    buffers.histogram = {};
    const Block block =
        parse(frame, start, buffers.run_map.data(), buffers.row_map.data(), buffers.items.data());
    const std::span<const Item> items(buffers.items.data(), block.nitems);
    count(items, row_symbol, buffers.histogram);
    const auto bytes = frame.subspan(block.start, block.stop - block.start);
    const bool last = block.stop == frame.size();
    plan_block(buffers.histogram, bytes.size(), writer.pending(), buffers.plan);
    if (buffers.plan.kind == BlockKind::stored) {
      write_stored(writer, bytes, last);
    } else {
      begin_block(writer, buffers.plan, last);
      write_items(items, buffers.plan.used(), row, writer);
    }
    start = block.stop;
  } while (start < frame.size());
}

}  // namespace framedeflate
