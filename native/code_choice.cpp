// SPDX-License-Identifier: Apache-2.0
#include "code_choice.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace framedeflate {
namespace {

constexpr int kSpread = 3;  // lengths that are tried lie this near to those of the plain code
constexpr std::uint32_t kSpace = 1U << kMaxCodeLength;
constexpr std::int64_t kInfinite = std::numeric_limits<std::int64_t>::max() / 4;
constexpr std::int64_t kUnit = 256;  // costs are in 256ths of a bit

// What a length costs in the header, by the code length code of the header before.
struct HeaderCosts {
  std::array<std::int64_t, 19> symbol;

  explicit HeaderCosts(const DynamicHeader& header) {
    for (std::size_t i = 0; i < symbol.size(); ++i) {
      const unsigned length = header.code.lengths[i];
      symbol[i] = kUnit * (length == 0 ? 8 : length);
    }
    symbol[16] += 2 * kUnit;
  }
};

// For a price of code space: the lengths of all used symbols that make bits + header + price * space least.
// `base` has the plain lengths and gets the result. Returns the space taken.
std::uint32_t lengths_at_price(const SymbolCode& plain, const Histogram& histogram, const HeaderCosts& costs,
                               std::int64_t price, std::array<std::uint8_t, SymbolCode::kMost>& lengths) {
  constexpr std::size_t kLengths = kMaxCodeLength + 1;
  struct Node {
    std::int64_t cost;
    std::uint8_t previous_length, stride;  // how many symbols this step covers
  };
  static_assert(kSpread < 8);
  std::array<std::array<Node, kLengths>, SymbolCode::kMost + 1> nodes;
  std::array<std::int64_t, kLengths> own;
  const std::size_t n = plain.nused;
  for (auto& node : nodes[0]) node = {kInfinite, 0, 0};
  nodes[0][0].cost = 0;
  const auto symbol_cost = [&](std::size_t i, std::size_t length) {
    return kUnit * static_cast<std::int64_t>(histogram.litlen[plain.used[i]] * length) + (price >> length);
  };
  const auto allowed = [&](std::size_t i, int length) {
    const int at = plain.lengths[plain.used[i]];
    return length >= 1 && length <= static_cast<int>(kMaxCodeLength) && std::abs(length - at) <= kSpread;
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (auto& node : nodes[i + 1]) node = {kInfinite, 0, 0};
  }
  for (std::size_t i = 0; i < n; ++i) {
    std::int64_t cheapest = kInfinite;
    std::uint8_t from = 0;
    for (std::size_t l = 0; l < kLengths; ++l) {
      if (nodes[i][l].cost < cheapest) {
        cheapest = nodes[i][l].cost;
        from = static_cast<std::uint8_t>(l);
      }
    }
    // One symbol, whatever came before.
    for (std::size_t l = 1; l < kLengths; ++l) {
      own[l] = kInfinite;
      if (!allowed(i, static_cast<int>(l))) continue;
      const std::int64_t cost = cheapest + costs.symbol[l] + symbol_cost(i, l);
      if (cost < nodes[i + 1][l].cost) nodes[i + 1][l] = {cost, from, 1};
    }
    // Three to six neighbours that repeat the length before them.
    if (i == 0) continue;
    for (std::size_t l = 1; l < kLengths; ++l) {
      if (nodes[i][l].cost >= kInfinite) continue;
      std::int64_t cost = nodes[i][l].cost + costs.symbol[16];
      for (std::size_t k = 1; k <= 6 && i + k <= n; ++k) {
        const std::size_t at = i + k - 1;
        if (plain.used[at] != plain.used[i - 1] + k || !allowed(at, static_cast<int>(l))) break;
        cost += symbol_cost(at, l);
        if (k >= 3 && cost < nodes[i + k][l].cost) {
          nodes[i + k][l] = {cost, static_cast<std::uint8_t>(l), static_cast<std::uint8_t>(k)};
        }
      }
    }
  }
  std::size_t length = 0;
  for (std::size_t l = 1; l < kLengths; ++l) {
    if (length == 0 || nodes[n][l].cost < nodes[n][length].cost) length = l;
  }
  std::uint32_t space = 0;
  lengths.fill(0);
  for (std::size_t i = n; i > 0;) {
    const Node node = nodes[i][length];
    for (std::size_t k = 0; k < node.stride; ++k) {
      lengths[plain.used[--i]] = static_cast<std::uint8_t>(length);
      space += kSpace >> length;
    }
    length = node.previous_length;
  }
  return space;
}

// Gives space that is left to the symbols that gain most by a shorter code, until none is left.
void fill_space(const SymbolCode& plain, const Histogram& histogram, std::uint32_t space,
                std::array<std::uint8_t, SymbolCode::kMost>& lengths) {
  while (space < kSpace) {
    std::size_t best = 0;
    std::uint64_t best_gain = 0;
    for (std::size_t i = 0; i < plain.nused; ++i) {
      const std::size_t symbol = plain.used[i];
      const std::uint32_t needs = kSpace >> lengths[symbol];
      if (lengths[symbol] < 2 || needs > kSpace - space) continue;
      // Per space taken, so that one large gain does not shut out several small ones.
      const std::uint64_t gain = (std::uint64_t{histogram.litlen[symbol]} << 20) / needs + 1;
      if (gain > best_gain) {
        best_gain = gain;
        best = symbol;
      }
    }
    if (best_gain == 0) return;
    space += kSpace >> lengths[best];
    --lengths[best];
  }
}

class Chooser {
 public:
  Chooser(Histogram& histogram, BlockPlan& plan) : histogram_(histogram), plan_(plan) {}

  // Takes the code over if it is smaller than the best so far, in whatever style its header is smallest.
  void offer(const BlockCode& code) {
    std::size_t bits = 0;
    for (std::size_t i = 0; i < code.litlen.nused; ++i) {
      bits += std::size_t{histogram_.litlen[code.litlen.used[i]]} * code.litlen.lengths[code.litlen.used[i]];
    }
    for (unsigned style = 0; style < 8; ++style) {
      plan_header(code, {(style & 1) == 0, (style & 2) == 0, (style & 4) == 0}, header_);
      if (bits + header_.nbits < best_) {
        best_ = bits + header_.nbits;
        best_code_ = code;
        plan_.header = header_;
      }
    }
  }

  void search() {
    const SymbolCode& plain = plan_.code.litlen;
    BlockCode code = plan_.code;
    const HeaderCosts costs(plan_.header);
    std::array<std::uint8_t, SymbolCode::kMost> lengths;
    // The least price, on a scale of eight steps an octave, at which the lengths fit; and some that are
    // dearer.
    const auto price = [](int step) { return std::int64_t{8 + (step & 7)} << (step >> 3); };
    int low = 0, high = 8 * 40;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (lengths_at_price(plain, histogram_, costs, price(middle), lengths) > kSpace) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (int step = low; step < low + 4; ++step) {
      const std::uint32_t space = lengths_at_price(plain, histogram_, costs, price(step), lengths);
      if (space > kSpace) continue;
      fill_space(plain, histogram_, space, lengths);
      code.litlen.take(lengths);
      offer(code);
      if (space == kSpace) break;
    }
  }

  [[nodiscard]] std::size_t best() const { return best_; }
  [[nodiscard]] const BlockCode& best_code() const { return best_code_; }

 private:
  Histogram& histogram_;
  BlockPlan& plan_;
  DynamicHeader header_;
  BlockCode best_code_;
  std::size_t best_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace

void plan_block_with_care(Histogram& histogram, std::size_t nbytes, unsigned pending, unsigned rounds,
                          BlockPlan& plan) {
  plan_block(histogram, nbytes, pending, plan);
  if (plan.kind != BlockKind::dynamic) return;
  std::size_t plain = plan.header.nbits;
  const SymbolCode& litlen = plan.code.litlen;
  for (std::size_t i = 0; i < litlen.nused; ++i) {
    plain += std::size_t{histogram.litlen[litlen.used[i]]} * litlen.lengths[litlen.used[i]];
  }
  Chooser chooser(histogram, plan);
  chooser.offer(plan.code);
  for (unsigned round = 0; round < rounds; ++round) chooser.search();
  plan.code = chooser.best_code();
  plan.code.litlen.assign();
  plan.code.distance.assign();
  plan.nbits -= plain - chooser.best();
}

}  // namespace framedeflate
