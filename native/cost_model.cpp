// SPDX-License-Identifier: Apache-2.0
#include "cost_model.hpp"

#include <bit>
#include <span>

namespace framedeflate {
namespace {

void symbol_costs(std::span<const std::uint32_t> counts, std::int32_t header_nbits,
                  std::span<std::int32_t> costs) {
  std::uint32_t total = 0;
  for (const std::uint32_t count : counts) total += count;
  const std::int32_t all = log2_fixed(total == 0 ? 1 : total);
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    const std::uint32_t count = counts[symbol];
    if (count == 0) {
      costs[symbol] = all + kBit + header_nbits * kBit;
    } else {
      costs[symbol] = all - log2_fixed(count) + header_nbits * kBit / static_cast<std::int32_t>(count + 1);
      if (costs[symbol] < kBit / 16) costs[symbol] = kBit / 16;
    }
  }
}

}  // namespace

std::int32_t log2_fixed(std::uint32_t value) noexcept {
  const int whole = std::bit_width(value) - 1;
  std::uint64_t mantissa = (std::uint64_t{value} << 31) >> whole;  // from 1 to 2, 31 bits behind the point
  std::int32_t fraction = 0;
  for (unsigned i = 0; i < 6; ++i) {
    mantissa = mantissa * mantissa >> 31;
    fraction <<= 1;
    if (mantissa >> 32 != 0) {
      mantissa >>= 1;
      fraction |= 1;
    }
  }
  return whole * kBit + fraction;
}

void CostModel::learn(const Histogram& histogram, std::int32_t header_nbits) {
  std::array<std::int32_t, kLitLenSymbols> litlen;
  symbol_costs({histogram.litlen.data(), kLitLenSymbols}, header_nbits, litlen);
  for (std::size_t byte = 0; byte < literal.size(); ++byte) literal[byte] = litlen[byte];
  for (std::size_t l = kMinMatch; l <= kMaxMatch; ++l) {
    const std::size_t symbol = kLengthSymbols[l];
    length[l] = litlen[symbol] + kLengthExtra[symbol - 257] * kBit;
  }
  symbol_costs({histogram.distance.data(), kDistanceSymbols}, header_nbits, distance);
  for (std::size_t symbol = 0; symbol < distance.size(); ++symbol)
    distance[symbol] += kDistanceExtra[symbol] * kBit;
}

}  // namespace framedeflate
