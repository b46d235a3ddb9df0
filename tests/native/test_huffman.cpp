// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "huffman.hpp"
#include "tests.hpp"

using framedeflate::SymbolCode;

namespace {

std::uint64_t size_of(const SymbolCode& code, const std::vector<std::uint32_t>& counts) {
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) size += std::uint64_t{counts[i]} * code.lengths[i];
  return size;
}

// Huffman's own way: join the two smallest until one is left. What each join weighs adds up to the size.
std::uint64_t least_size(std::vector<std::uint64_t> weights) {
  std::erase(weights, 0);
  std::uint64_t size = weights.size() == 1 ? weights[0] : 0;
  while (weights.size() > 1) {
    std::sort(weights.begin(), weights.end(), std::greater<>());
    const std::uint64_t joined = weights[weights.size() - 1] + weights[weights.size() - 2];
    weights.resize(weights.size() - 2);
    weights.push_back(joined);
    size += joined;
  }
  return size;
}

void check_code(const std::vector<std::uint32_t>& counts, unsigned limit, Digest& digest) {
  SymbolCode code;
  code.build(counts, limit);
  code.assign();
  // Kraft's sum: every code is used, unless there is one alone.
  std::uint64_t space = 0;
  std::size_t nused = 0;
  unsigned longest = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    CHECK((counts[i] != 0) == (code.lengths[i] != 0), "symbol %zu of count %u", i, counts[i]);
    if (counts[i] == 0) continue;
    CHECK(code.lengths[i] <= limit, "%u bits, not %u at most", code.lengths[i], limit);
    CHECK(nused < code.nused && code.used[nused] == i, "symbol %zu is not listed", i);
    longest = std::max<unsigned>(longest, code.lengths[i]);
    space += std::uint64_t{1} << (limit - code.lengths[i]);
    ++nused;
  }
  CHECK(code.nused == nused, "%zu symbols, not %zu", code.nused, nused);
  if (nused > 1)
    CHECK(space == std::uint64_t{1} << limit, "the codes take %llu", static_cast<unsigned long long>(space));
  if (nused == 1) CHECK(longest == 1, "a lone code of %u bits", longest);
  const std::uint64_t least = least_size({counts.begin(), counts.end()}), size = size_of(code, counts);
  CHECK(size >= least, "less than can be");
  if (longest < limit) CHECK(size == least, "larger than need be");
  // RFC 1951 3.2.2: codes count up by length and symbol; the first bit is the lowest.
  std::uint32_t next = 0;
  for (unsigned length = 1; length <= limit; ++length, next <<= 1) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (code.lengths[i] != length) continue;
      std::uint32_t reversed = 0;
      for (unsigned bit = 0; bit < length; ++bit) reversed |= (next >> bit & 1) << (length - 1 - bit);
      CHECK(code.entries[i] == (reversed | length << 16), "the code of symbol %zu", i);
      ++next;
    }
  }
  digest.add({code.lengths.data(), counts.size()});
}

}  // namespace

void test_huffman(Digest& digest) {
  Numbers numbers(4);
  for (std::size_t n = 0; n < 600; ++n) {
    const bool length_codes = n % 3 == 0;
    std::vector<std::uint32_t> counts(length_codes ? 19 : n % 3 == 1 ? 30 : 286);
    // From all alike to so steep that the limit binds.
    const std::uint32_t spread = 1 + static_cast<std::uint32_t>(n % 21);
    for (std::uint32_t& count : counts) {
      if (numbers.below(4) != 0)
        count = static_cast<std::uint32_t>(numbers.next() & ((1U << spread) - 1)) >> numbers.below(spread);
    }
    check_code(counts, length_codes ? 7 : 15, digest);
  }
  // Fibonacci's numbers make the longest codes.
  std::vector<std::uint32_t> steep = {1, 1};
  while (steep.size() < 30) steep.push_back(steep[steep.size() - 1] + steep[steep.size() - 2]);
  check_code(steep, 15, digest);
  steep.resize(19);
  check_code(steep, 7, digest);
  for (std::size_t only = 0; only < 30; ++only) {
    std::vector<std::uint32_t> counts(30);
    check_code(counts, 15, digest);
    counts[only] = 5;
    check_code(counts, 15, digest);
  }
}
