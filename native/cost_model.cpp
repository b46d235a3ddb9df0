// SPDX-License-Identifier: Apache-2.0
#include "cost_model.hpp"

#include <array>
#include <bit>
#include <span>

namespace framedeflate {
namespace {

constexpr std::int32_t exact_log2(std::uint32_t value) {
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

constexpr std::size_t kTabled = 1024;  // most counts are below it

constexpr std::array<std::int16_t, kTabled> log2_table() {
  std::array<std::int16_t, kTabled> table{};
  for (std::uint32_t value = 1; value < kTabled; ++value)
    table[value] = static_cast<std::int16_t>(exact_log2(value));
  return table;
}
constexpr std::array<std::int16_t, kTabled> kLog2 = log2_table();

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

std::int64_t estimated(std::span<const std::uint32_t> counts) {
  constexpr std::int64_t kHeader = 7;  // bits for each symbol used
  std::uint32_t total = 0;
  std::int64_t sum = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    total += count;
    sum += kHeader * kBit - std::int64_t{count} * log2_fixed(count);
  }
  return sum + std::int64_t{total} * log2_fixed(total == 0 ? 1 : total);
}

}  // namespace

std::int32_t log2_fixed(std::uint32_t value) noexcept {
  return value < kTabled ? kLog2[value] : exact_log2(value);
}

std::size_t estimated_nbits(const Histogram& histogram) {
  constexpr std::int64_t kBlock = 60;  // bits of the header that every block has
  const std::int64_t sum = estimated({histogram.litlen.data(), kLitLenSymbols}) +
                           estimated({histogram.distance.data(), kDistanceSymbols});
  return static_cast<std::size_t>(kBlock + sum / kBit);
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
