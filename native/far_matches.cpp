// SPDX-License-Identifier: Apache-2.0
#include "far_matches.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "block.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

constexpr unsigned kHashBits = 15;
constexpr std::size_t kShort = 5, kLong = 12;

// Eight bytes, the first lowest on every machine.
std::uint64_t load(const std::uint8_t* at) noexcept {
  std::uint64_t value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, at, sizeof value);
  } else {
    for (unsigned i = 0; i < 8; ++i) value |= std::uint64_t{at[i]} << (8 * i);
  }
  return value;
}

std::size_t hashed(std::uint64_t value) noexcept { return value * 0x9E3779B97F4A7C15U >> (64 - kHashBits); }
std::size_t short_hash(const std::uint8_t* at) noexcept { return hashed(load(at) << (64 - 8 * kShort)); }
std::size_t long_hash(const std::uint8_t* at) noexcept {
  return hashed(load(at) * 0xC2B2AE3D27D4EB4FU + load(at + kLong - 8));
}

std::size_t equal_length(const std::uint8_t* a, const std::uint8_t* b, std::size_t most) noexcept {
  std::size_t length = 0;
  while (length + 8 <= most) {
    const std::uint64_t difference = load(a + length) ^ load(b + length);
    if (difference != 0) return length + static_cast<std::size_t>(std::countr_zero(difference)) / 8;
    length += 8;
  }
  while (length < most && a[length] == b[length]) ++length;
  return length;
}

}  // namespace

void FarMatches::find(std::span<const std::uint8_t> frame, std::size_t row, const std::uint64_t* run_map,
                      const std::uint64_t* row_map, std::size_t depth, std::size_t enough) {
  const std::size_t n = frame.size();
  const std::uint8_t* data = frame.data();
  matches_.clear();
  first_.assign(n + 2, 0);
  for (Chain* chain : {&short_, &long_}) {
    chain->head.assign(std::size_t{1} << kHashBits, -1);
    chain->previous.resize(n);
  }
  std::size_t best = 0, i = 0, run = 0, row_match = 0;
  const auto follow = [&](const Chain& chain, std::size_t hash, std::size_t most, std::size_t tries) {
    std::int32_t candidate = chain.head[hash];
    for (; candidate >= 0 && tries > 0 && best < most; --tries) {
      const auto from = static_cast<std::size_t>(candidate);
      const std::size_t distance = i - from;
      if (distance > kWindow) return;
      if (distance != 1 && distance != row && data[from + best] == data[i + best]) {
        const std::size_t length = equal_length(data + from, data + i, most);
        if (length > best) {
          best = length;
          matches_.push_back({static_cast<std::uint16_t>(length), static_cast<std::uint16_t>(distance),
                              distance_code(distance).symbol});
        }
      }
      candidate = chain.previous[from];
    }
  };
  for (; i < n; ++i) {
    first_[i] = static_cast<std::uint32_t>(matches_.size());
    if (i + kLong > n) continue;
    const std::size_t most = std::min(n - i, kMaxMatch);
    run = run > 1 ? run - 1 : run_length(run_map, i, kMaxMatch + enough);
    row_match = row_match > 1 ? row_match - 1 : run_length(row_map, i, kMaxMatch + enough);
    // Bytes deep in a run would make long chains of places that a run serves better.
    if (run >= enough) continue;
    const std::size_t short_at = short_hash(data + i), long_at = long_hash(data + i);
    if (row_match < enough) {
      best = kShort - 1;
      follow(short_, short_at, most, (depth + 3) / 4);
      follow(long_, long_at, most, depth);
    }
    short_.previous[i] = short_.head[short_at];
    short_.head[short_at] = static_cast<std::int32_t>(i);
    long_.previous[i] = long_.head[long_at];
    long_.head[long_at] = static_cast<std::int32_t>(i);
  }
  first_[n] = first_[n + 1] = static_cast<std::uint32_t>(matches_.size());
}

}  // namespace framedeflate
