// SPDX-License-Identifier: Apache-2.0
#include "huffman.hpp"

#include <algorithm>
#include <vector>

namespace framedeflate {
namespace {

struct Leaf {
  std::uint32_t count;
  std::uint32_t symbol;
};

// Moffat and Katajainen's in-place construction: `a` holds ascending counts and is left with the depths,
// deepest first.
void minimum_redundancy(std::uint32_t* a, std::size_t n) {
  std::size_t root = 0, leaf = 2;
  a[0] += a[1];
  for (std::size_t next = 1; next + 1 < n; ++next) {
    if (leaf >= n || a[root] < a[leaf]) {
      a[next] = a[root];
      a[root++] = static_cast<std::uint32_t>(next);
    } else {
      a[next] = a[leaf++];
    }
    if (leaf >= n || (root < next && a[root] < a[leaf])) {
      a[next] += a[root];
      a[root++] = static_cast<std::uint32_t>(next);
    } else {
      a[next] += a[leaf++];
    }
  }
  a[n - 2] = 0;
  for (std::size_t next = n - 2; next-- > 0;) a[next] = a[a[next]] + 1;
  std::size_t available = 1, used = 0, depth = 0;
  auto inner = static_cast<std::ptrdiff_t>(n) - 2;
  auto out = static_cast<std::ptrdiff_t>(n) - 1;
  while (available > 0) {
    while (inner >= 0 && a[inner] == depth) {
      ++used;
      --inner;
    }
    while (available > used) {
      a[out--] = static_cast<std::uint32_t>(depth);
      --available;
    }
    available = 2 * used;
    ++depth;
    used = 0;
  }
}

// Package-merge: what is left when the free code is deeper than the limit. Rare, so plain rather than quick:
// each level holds its packages with the number of leaves of every rank they are made of counted in the end.
void limited_lengths(const std::vector<Leaf>& leaves, unsigned limit, std::span<std::uint8_t> lengths) {
  const std::size_t n = leaves.size();
  struct Package {
    std::uint64_t weight;
    std::uint32_t left, right;  // of the level before; leaf: left == right == rank, is_leaf
    bool is_leaf;
  };
  std::vector<std::vector<Package>> levels(limit);
  for (unsigned level = 0; level < limit; ++level) {
    std::vector<Package>& row = levels[level];
    std::vector<Package> pairs;
    if (level > 0) {
      const std::vector<Package>& below = levels[level - 1];
      for (std::uint32_t i = 0; i + 1 < below.size(); i += 2) {
        pairs.push_back({below[i].weight + below[i + 1].weight, i, i + 1, false});
      }
    }
    row.reserve(n + pairs.size());
    std::size_t leaf = 0, pair = 0;
    while (leaf < n || pair < pairs.size()) {
      if (pair >= pairs.size() || (leaf < n && leaves[leaf].count <= pairs[pair].weight)) {
        const auto rank = static_cast<std::uint32_t>(leaf);
        row.push_back({leaves[leaf++].count, rank, rank, true});
      } else {
        row.push_back(pairs[pair++]);
      }
    }
  }
  // The first 2n - 2 entries of the last level are taken; a package takes its two halves from the level
  // before.
  for (const Leaf& leaf : leaves) lengths[leaf.symbol] = 0;
  std::size_t take = 2 * n - 2;
  for (unsigned level = limit; level-- > 0;) {
    std::size_t npairs = 0;
    for (std::size_t i = 0; i < take; ++i) {
      const Package& package = levels[level][i];
      if (package.is_leaf) {
        ++lengths[leaves[package.left].symbol];
      } else {
        ++npairs;
      }
    }
    take = 2 * npairs;
  }
}

}  // namespace

void build_code_lengths(std::span<const std::uint32_t> counts, unsigned limit,
                        std::span<std::uint8_t> lengths) {
  std::array<Leaf, kLitLenSymbols + 2> sorted;
  std::size_t n = 0;
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    lengths[symbol] = 0;
    if (counts[symbol] != 0) sorted[n++] = {counts[symbol], static_cast<std::uint32_t>(symbol)};
  }
  if (n == 0) return;
  if (n == 1) {
    lengths[sorted[0].symbol] = 1;
    return;
  }
  // Ties go by symbol, so that every standard library sorts alike.
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n),
            [](const Leaf& a, const Leaf& b) {
              return a.count != b.count ? a.count < b.count : a.symbol < b.symbol;
            });
  std::array<std::uint32_t, kLitLenSymbols + 2> depths;
  for (std::size_t i = 0; i < n; ++i) depths[i] = sorted[i].count;
  minimum_redundancy(depths.data(), n);
  if (depths[0] > limit) {
    limited_lengths({sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n)}, limit, lengths);
    return;
  }
  for (std::size_t i = 0; i < n; ++i) lengths[sorted[i].symbol] = static_cast<std::uint8_t>(depths[i]);
}

void assign_codes(std::span<const std::uint8_t> lengths, std::span<std::uint16_t> codes) {
  std::array<std::uint32_t, kMaxCodeLength + 2> next{};
  for (const std::uint8_t length : lengths) ++next[length];
  next[0] = 0;
  std::uint32_t code = 0;
  for (unsigned length = 1; length <= kMaxCodeLength; ++length) {
    const std::uint32_t here = next[length];
    next[length] = code;
    code = (code + here) << 1;
  }
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    const unsigned length = lengths[symbol];
    if (length == 0) {
      codes[symbol] = 0;
      continue;
    }
    std::uint32_t bits = next[length]++;
    bits = (bits & 0x5555) << 1 | (bits >> 1 & 0x5555);
    bits = (bits & 0x3333) << 2 | (bits >> 2 & 0x3333);
    bits = (bits & 0x0F0F) << 4 | (bits >> 4 & 0x0F0F);
    bits = (bits & 0x00FF) << 8 | bits >> 8;
    codes[symbol] = static_cast<std::uint16_t>(bits >> (16 - length));
  }
}

const BlockCode& fixed_code() {
  static const BlockCode code = [] {
    BlockCode fixed;
    for (std::size_t symbol = 0; symbol < fixed.litlen_lengths.size(); ++symbol) {
      fixed.litlen_lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
    }
    fixed.distance_lengths.fill(5);
    fixed.assign();
    return fixed;
  }();
  return code;
}

void plan_header(const BlockCode& code, HeaderStyle style, DynamicHeader& header) {
  static constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
  unsigned nlitlen = kLitLenSymbols, ndistance = kDistanceSymbols;
  while (nlitlen > 257 && code.litlen_lengths[nlitlen - 1] == 0) --nlitlen;
  while (ndistance > 1 && code.distance_lengths[ndistance - 1] == 0) --ndistance;
  header.nlitlen = nlitlen;
  header.ndistance = ndistance;

  std::array<std::uint8_t, kLitLenSymbols + kDistanceSymbols> sequence;
  std::copy_n(code.litlen_lengths.begin(), nlitlen, sequence.begin());
  std::copy_n(code.distance_lengths.begin(), ndistance, sequence.begin() + nlitlen);
  const std::size_t total = nlitlen + ndistance;

  std::array<std::uint32_t, 19> counts{};
  std::size_t nitems = 0, nextra = 0;
  const auto emit = [&](unsigned symbol, std::size_t extra, unsigned extra_nbits) {
    header.items[nitems++] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(extra)};
    ++counts[symbol];
    nextra += extra_nbits;
  };
  for (std::size_t i = 0; i < total;) {
    const std::uint8_t length = sequence[i];
    std::size_t run = 1;
    while (i + run < total && sequence[i + run] == length) ++run;
    i += run;
    if (length == 0) {
      while (run >= 11 && style.long_zeros) {
        const std::size_t part = std::min<std::size_t>(run, 138);
        emit(18, part - 11, 7);
        run -= part;
      }
      while (run >= 3 && style.short_zeros) {
        const std::size_t part = std::min<std::size_t>(run, 10);
        emit(17, part - 3, 3);
        run -= part;
      }
    } else if (run >= 4 && style.repeat_previous) {
      emit(length, 0, 0);
      --run;
      while (run >= 3) {
        // 7 as 4 + 3 and 8 as 4 + 4 rather than 6 and lone lengths.
        const std::size_t part = run == 7 ? 4 : run == 8 ? 4 : std::min<std::size_t>(run, 6);
        emit(16, part - 3, 2);
        run -= part;
      }
    }
    for (; run > 0; --run) emit(length, 0, 0);
  }
  header.nitems = nitems;

  // A lone symbol would leave the code incomplete, which decoders refuse here.
  std::size_t used = 0;
  for (const std::uint32_t count : counts) used += count != 0;
  if (used == 1) ++counts[counts[0] != 0 ? 18 : 0];
  build_code_lengths(counts, 7, header.lengths);
  assign_codes(header.lengths, header.codes);
  header.ncodelength = 19;
  while (header.ncodelength > 4 && header.lengths[kOrder[header.ncodelength - 1]] == 0) --header.ncodelength;
  header.nbits = 14 + 3 * std::size_t{header.ncodelength} + nextra;
  for (std::size_t i = 0; i < nitems; ++i) header.nbits += header.lengths[header.items[i].symbol];
}

void DynamicHeader::write(BitWriter& writer) const {
  static constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
  writer.put(nlitlen - 257, 5);
  writer.put(ndistance - 1, 5);
  writer.put_and_flush(ncodelength - 4, 4);
  for (unsigned i = 0; i < ncodelength; ++i) writer.put_and_flush(lengths[kOrder[i]], 3);
  for (std::size_t i = 0; i < nitems; ++i) {
    const Item item = items[i];
    writer.put(codes[item.symbol], lengths[item.symbol]);
    if (item.symbol >= 16) writer.put(item.extra, item.symbol == 16 ? 2 : item.symbol == 17 ? 3 : 7);
    writer.flush();
  }
}

}  // namespace framedeflate
