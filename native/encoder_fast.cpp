// SPDX-License-Identifier: Apache-2.0
// Level 1: the items of the greedy parse are counted and written by loops that branch on nothing in the data:
// nuclei take half the time of a version that kept tokens and looped over their literals.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "encoder_parts.hpp"
#include "greedy_parse.hpp"

namespace framedeflate {
namespace {

// What the distances of the maps are; row 0: none.
struct Distances {
  std::size_t run, row;

  [[nodiscard]] static std::size_t symbol(std::size_t distance) {
    return distance == 0 ? 0 : distance_code(distance).symbol;
  }
};

constexpr std::array<std::uint16_t, kItemKinds> item_symbols() {
  std::array<std::uint16_t, kItemKinds> symbols{};
  for (std::size_t item = 0; item < kItemKinds; ++item) {
    symbols[item] =
        item < kMatchItems ? static_cast<std::uint16_t>(item) : kLengthSymbols[(item & 255) + kMinMatch];
  }
  return symbols;
}
constexpr std::array<std::uint16_t, kItemKinds> kItemSymbols = item_symbols();

void count(std::span<const Item> items, const Distances& distances, Histogram& histogram) {
  // Four tables in turn: adding to one counter again and again waits for the store before.
  std::array<std::array<std::uint32_t, kLitLenSymbols + 2>, 3> others{};
  std::uint32_t nmatches = 0, nrows = 0;
  std::size_t i = 0;
  for (; i + 4 <= items.size(); i += 4) {
    const unsigned a = items[i], b = items[i + 1], c = items[i + 2], d = items[i + 3];
    ++histogram.litlen[kItemSymbols[a]];
    ++others[0][kItemSymbols[b]];
    ++others[1][kItemSymbols[c]];
    ++others[2][kItemSymbols[d]];
    nrows += (a >> 9) + (b >> 9) + (c >> 9) + (d >> 9);
  }
  for (; i < items.size(); ++i) {
    ++histogram.litlen[kItemSymbols[items[i]]];
    nrows += items[i] >> 9;
  }
  for (std::size_t symbol = 0; symbol < kLitLenSymbols + 2; ++symbol)
    histogram.litlen[symbol] += others[0][symbol] + others[1][symbol] + others[2][symbol];
  for (std::size_t symbol = kEndOfBlock + 1; symbol < kLitLenSymbols; ++symbol)
    nmatches += histogram.litlen[symbol];
  histogram.distance[Distances::symbol(distances.run)] += nmatches - nrows;
  histogram.distance[Distances::symbol(distances.row)] += nrows;
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

void write_items(std::span<const Item> items, const BlockCode& code, const Distances& distances,
                 BitWriter& out) {
  std::array<std::uint64_t, kItemKinds> table;
  std::array<Bits, 2> distance_bits;
  std::size_t nmaps = 0;
  for (const std::size_t distance : {distances.run, distances.row}) {
    if (distance == 0) break;
    const DistanceCode its_code = distance_code(distance);
    if (code.distance.lengths[its_code.symbol] != 0) {
      distance_bits[nmaps].append(code.distance.entries[its_code.symbol]);
      distance_bits[nmaps].append(distance - its_code.base, its_code.extra_nbits);
    }
    ++nmaps;
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
      for (std::size_t map = 0; map < nmaps; ++map) {
        Bits first = bits;
        first.count += static_cast<unsigned>(extra_nbits);
        first.append(distance_bits[map].bits, distance_bits[map].count);
        std::uint64_t* const place = table.data() + match_item(map, base);
        for (std::size_t k = 0; k < nlengths; ++k)
          place[k] = first.packed() + (std::uint64_t{k} << bits.count);
      }
    }
  }
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 56) - 1;
  const auto put = [&table](BitWriter& to, Item item) {
    to.put_and_flush(table[item] & kMask, static_cast<unsigned>(table[item] >> 56));
  };
  BitWriter writer = out;  // a copy of its own can stay in registers
  std::size_t i = 0;
  // Four at a time, joined before they meet the bits that wait for the items before. They seldom are too
  // many.
  for (; i + 4 <= items.size(); i += 4) {
    const std::uint64_t a = table[items[i]], b = table[items[i + 1]], c = table[items[i + 2]],
                        d = table[items[i + 3]];
    const auto a_count = static_cast<unsigned>(a >> 56), c_count = static_cast<unsigned>(c >> 56);
    const unsigned ab_count = a_count + static_cast<unsigned>(b >> 56),
                   cd_count = c_count + static_cast<unsigned>(d >> 56);
    if (ab_count + cd_count <= 56) {
      const std::uint64_t ab = (a & kMask) | (b & kMask) << a_count, cd = (c & kMask) | (d & kMask)
                                                                                            << c_count;
      writer.put_and_flush(ab | cd << ab_count, ab_count + cd_count);
    } else {
      for (std::size_t k = 0; k < 4; ++k) put(writer, items[i + k]);
    }
  }
  for (; i < items.size(); ++i) put(writer, items[i]);
  const std::uint32_t end = code.litlen.entries[kEndOfBlock];
  writer.put_and_flush(end & 0xFFFF, end >> 16);
  out = writer;
}

// Literals that are cheap, most of them one value, and runs rather than rows among the matches: noise, dots,
// and nuclei whose rows are no whole number of bytes.
bool long_matches_pay(const Histogram& histogram, const Distances& distances) {
  std::uint64_t nliterals = 0, most = 0, nmatches = 0;
  for (std::size_t symbol = 0; symbol < kEndOfBlock; ++symbol) {
    nliterals += histogram.litlen[symbol];
    most = std::max<std::uint64_t>(most, histogram.litlen[symbol]);
  }
  for (const std::uint32_t count : histogram.distance) nmatches += count;
  const std::uint64_t nruns = histogram.distance[Distances::symbol(distances.run)];
  return nmatches > 16 && nliterals > 2 * nmatches && 10 * most > 3 * nliterals && 5 * nruns > 4 * nmatches;
}

}  // namespace

void fast_histogram(std::span<const std::uint8_t> frame, std::size_t start, EncoderScratch::Buffers& buffers,
                    Histogram& histogram) {
  buffers.items.resize(item_room(frame.size()));
  histogram = {};
  const ParseMaps maps{buffers.run_map.data(), buffers.row_map.data()};
  while (start < frame.size()) {
    const ItemBlock block = parse_block(frame, start, maps, Matches::all, 0, buffers.items);
    count({buffers.items.data(), block.nitems}, {buffers.run, buffers.row}, histogram);
    start = block.stop;
  }
}

void deflate_fast(std::span<const std::uint8_t> frame, EncoderScratch::Buffers& buffers, BitWriter& writer) {
  buffers.items.resize(item_room(frame.size()));
  const Distances distances{buffers.run, buffers.row};
  const ParseMaps maps{buffers.run_map.data(), buffers.row_map.data()};
  std::size_t start = 0;
  do {
    Histogram& histogram = buffers.histogram;
    histogram = {};
    Matches matches = Matches::all;
    ItemBlock block = parse_probe(frame, start, maps, buffers.items);
    if (block.nitems > 0) {
      count({buffers.items.data(), block.nitems}, distances, histogram);
      if (long_matches_pay(histogram, distances)) {
        matches = Matches::long_ones;
        histogram = {};
        block = {start, 0};
      }
    }
    const std::size_t ncounted = block.nitems;
    block = parse_block(frame, block.stop, maps, matches, block.nitems, buffers.items);
    const std::span<const Item> items(buffers.items.data(), block.nitems);
    count(items.subspan(ncounted), distances, histogram);
    const auto bytes = frame.subspan(start, block.stop - start);
    const bool last = block.stop == frame.size();
    plan_block(histogram, bytes.size(), writer.pending(), buffers.plan);
    if (buffers.plan.kind == BlockKind::stored) {
      write_stored(writer, bytes, last);
    } else {
      begin_block(writer, buffers.plan, last);
      write_items(items, buffers.plan.used(), distances, writer);
    }
    start = block.stop;
  } while (start < frame.size());
}

}  // namespace framedeflate
