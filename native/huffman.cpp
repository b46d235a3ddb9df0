// SPDX-License-Identifier: Apache-2.0
#include "huffman.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
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

// Sorts n keys that differ and are below 2^31, by comparing all with all, which has no branch to mispredict.
void rank_keys(std::int32_t* keys, std::size_t n, std::int32_t* sorted) {
  for (std::size_t i = 0; i < n; ++i) {
    std::int32_t rank = 0;
    for (std::size_t j = 0; j < n; ++j) rank += keys[j] < keys[i];
    sorted[rank] = keys[i];
  }
}

// Sorts the keys of SymbolCode::build, whose symbols are rising. Many keys are put in their places by their
// count, most counts being small; the rest, which are few then, are ranked.
void sort_keys(std::int32_t* keys, std::size_t n, std::int32_t* sorted) {
  constexpr std::size_t kFew = 40, kCounts = 64;
  if (n <= kFew) {
    rank_keys(keys, n, sorted);
    return;
  }
  std::array<std::uint32_t, kCounts + 1> place{};
  const auto bin = [](std::int32_t key) {
    return std::min<std::size_t>(static_cast<std::size_t>(key >> 9), kCounts - 1);
  };
  for (std::size_t i = 0; i < n; ++i) ++place[bin(keys[i]) + 1];
  for (std::size_t count = 0; count < kCounts; ++count) place[count + 1] += place[count];
  const std::size_t nsmall = place[kCounts - 1];
  std::array<std::int32_t, SymbolCode::kMost> large;
  std::size_t nlarge = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sorted[place[bin(keys[i])]++] = keys[i];
    large[nlarge] = keys[i];
    nlarge += bin(keys[i]) == kCounts - 1;
  }
  if (nlarge > 3 * kFew) {
    std::sort(sorted + nsmall, sorted + n);
  } else {
    rank_keys(large.data(), nlarge, sorted + nsmall);
  }
}

// The symbols that occur, rising, and how many they are.
std::size_t list_used(std::span<const std::uint32_t> counts, std::uint16_t* used) {
  // A byte for each, which compilers do many of at a time; then eight bytes to eight bits, and only as many
  // steps as symbols are used.
  std::array<std::uint8_t, 320> occurs{};
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) occurs[symbol] = counts[symbol] != 0;
  std::size_t n = 0;
  for (std::size_t first = 0; first < counts.size(); first += 64) {
    std::uint64_t mask = 0;
    for (std::size_t eight = 0; eight < 8; ++eight) {
      std::uint64_t bytes;
      std::memcpy(&bytes, occurs.data() + first + 8 * eight, sizeof bytes);
      // Byte k, worth 2^8k where bytes lie from the lowest up, is moved to bit 56 + k by one of these
      // factors.
      const std::uint64_t gather =
          std::endian::native == std::endian::little ? 0x0102040810204080 : 0x8040201008040201;
      mask |= (bytes * gather >> 56) << (8 * eight);
    }
    for (; mask != 0; mask &= mask - 1)
      used[n++] = static_cast<std::uint16_t>(first + static_cast<std::size_t>(std::countr_zero(mask)));
  }
  return n;
}

constexpr std::array<std::uint8_t, 256> reversed_bytes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((i >> bit & 1) != 0) table[i] = static_cast<std::uint8_t>(table[i] | 0x80U >> bit);
    }
  }
  return table;
}

constexpr std::array<std::uint8_t, 256> kReversed = reversed_bytes();

// In this order the lengths of the code length code are sent (RFC 1951, 3.2.7).
constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};

}  // namespace

void SymbolCode::build(std::span<const std::uint32_t> counts, unsigned limit) {
  lengths.fill(0);
  nused = list_used(counts, used.data());
  const std::size_t n = nused;
  if (n < 2) {
    if (n == 1) lengths[used[0]] = 1;
    return;
  }
  std::array<std::int32_t, kMost> keys, sorted;
  std::array<std::uint32_t, kMost> depths;
  for (std::size_t i = 0; i < n; ++i) keys[i] = static_cast<std::int32_t>(counts[used[i]] << 9 | used[i]);
  sort_keys(keys.data(), n, sorted.data());
  for (std::size_t i = 0; i < n; ++i) depths[i] = static_cast<std::uint32_t>(sorted[i]) >> 9;
  minimum_redundancy(depths.data(), n);
  const auto symbol = [&sorted](std::size_t i) { return static_cast<std::uint32_t>(sorted[i]) & 0x1FF; };
  if (depths[0] > limit) {
    std::vector<Leaf> leaves(n);
    for (std::size_t i = 0; i < n; ++i) leaves[i] = {static_cast<std::uint32_t>(sorted[i]) >> 9, symbol(i)};
    limited_lengths(leaves, limit, lengths);
    return;
  }
  for (std::size_t i = 0; i < n; ++i) lengths[symbol(i)] = static_cast<std::uint8_t>(depths[i]);
}

void SymbolCode::take(std::span<const std::uint8_t> given) {
  lengths.fill(0);
  nused = 0;
  for (std::size_t symbol = 0; symbol < given.size(); ++symbol) {
    lengths[symbol] = given[symbol];
    if (given[symbol] != 0) used[nused++] = static_cast<std::uint16_t>(symbol);
  }
}

void SymbolCode::assign() {
  std::array<std::uint32_t, kMaxCodeLength + 2> next{};
  for (std::size_t i = 0; i < nused; ++i) ++next[lengths[used[i]]];
  std::uint32_t code = 0;
  for (unsigned length = 1; length <= kMaxCodeLength; ++length) {
    const std::uint32_t here = next[length];
    next[length] = code;
    code = (code + here) << 1;
  }
  for (std::size_t i = 0; i < nused; ++i) {
    const std::uint32_t length = lengths[used[i]];
    const std::uint32_t bits = next[length]++;
    const std::uint32_t turned = std::uint32_t{kReversed[bits & 0xFF]} << 8 | kReversed[bits >> 8 & 0xFF];
    entries[used[i]] = turned >> (16 - length) | length << 16;
  }
}

const BlockCode& fixed_code() {
  static const BlockCode code = [] {
    BlockCode fixed;
    std::array<std::uint8_t, SymbolCode::kMost> lengths;
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
    }
    fixed.litlen.take(lengths);
    fixed.litlen.assign();
    lengths.fill(5);
    fixed.distance.take({lengths.data(), 32});
    fixed.distance.assign();
    return fixed;
  }();
  return code;
}

void plan_header(const BlockCode& code, HeaderStyle style, DynamicHeader& header) {
  const SymbolCode& litlen = code.litlen;
  const SymbolCode& distance = code.distance;
  header.nlitlen = std::max(257U, litlen.used[litlen.nused - 1] + 1U);
  header.ndistance = distance.nused == 0 ? 1 : distance.used[distance.nused - 1] + 1U;

  std::array<std::uint32_t, 19> counts{};
  std::size_t nitems = 0, nextra = 0;
  const auto emit = [&](unsigned symbol, std::size_t extra, unsigned extra_nbits) {
    header.items[nitems++] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(extra)};
    ++counts[symbol];
    nextra += extra_nbits;
  };
  const auto zeros = [&](std::size_t run) {
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
    for (; run > 0; --run) emit(0, 0, 0);
  };
  const auto lengths = [&](std::uint8_t length, std::size_t run) {
    if (run >= 4 && style.repeat_previous) {
      emit(length, 0, 0);
      --run;
      while (run >= 3) {
        // 7 as 4 + 3 and 8 as 4 + 4 rather than 6 and lone lengths.
        const std::size_t part = run == 7 || run == 8 ? 4 : std::min<std::size_t>(run, 6);
        emit(16, part - 3, 2);
        run -= part;
      }
    }
    for (; run > 0; --run) emit(length, 0, 0);
  };

  // Both alphabets are one sequence; what lies between two used symbols is zeros.
  std::size_t next = 0, run = 0;
  std::uint8_t length = 0;
  const auto visit = [&](std::size_t place, std::uint8_t its_length) {
    if (place == next && its_length == length) {
      ++run;
    } else {
      if (run > 0) lengths(length, run);
      zeros(place - next);
      length = its_length;
      run = 1;
    }
    next = place + 1;
  };
  for (std::size_t i = 0; i < litlen.nused; ++i) visit(litlen.used[i], litlen.lengths[litlen.used[i]]);
  for (std::size_t i = 0; i < distance.nused; ++i) {
    visit(header.nlitlen + distance.used[i], distance.lengths[distance.used[i]]);
  }
  lengths(length, run);
  zeros(header.nlitlen + header.ndistance - next);
  header.nitems = nitems;

  // A lone symbol would leave the code incomplete, which decoders refuse here.
  std::size_t nkinds = 0;
  for (const std::uint32_t count : counts) nkinds += count != 0;
  if (nkinds == 1) ++counts[counts[0] != 0 ? 18 : 0];
  header.code.build(counts, 7);
  header.code.assign();
  header.ncodelength = 19;
  while (header.ncodelength > 4 && header.code.lengths[kOrder[header.ncodelength - 1]] == 0)
    --header.ncodelength;
  header.nbits = 14 + 3 * std::size_t{header.ncodelength} + nextra;
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    header.nbits += std::size_t{counts[symbol]} * header.code.lengths[symbol];
  }
}

void DynamicHeader::write(BitWriter& writer) const {
  writer.put(nlitlen - 257, 5);
  writer.put(ndistance - 1, 5);
  writer.put_and_flush(ncodelength - 4, 4);
  std::uint64_t packed = 0;
  for (unsigned i = 0; i < ncodelength; ++i) packed |= std::uint64_t{code.lengths[kOrder[i]]} << (3 * i);
  writer.put_and_flush(packed & 0xFFFFFFFF, std::min(3 * ncodelength, 32U));
  if (3 * ncodelength > 32) writer.put_and_flush(packed >> 32, 3 * ncodelength - 32);
  for (std::size_t i = 0; i < nitems; ++i) {
    const Item item = items[i];
    const std::uint32_t entry = code.entries[item.symbol];
    writer.put(entry & 0xFFFF, entry >> 16);
    if (item.symbol >= 16) writer.put(item.extra, item.symbol == 16 ? 2 : item.symbol == 17 ? 3 : 7);
    writer.flush();
  }
}

}  // namespace framedeflate
