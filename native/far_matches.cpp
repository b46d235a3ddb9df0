// SPDX-License-Identifier: Apache-2.0
#include "far_matches.hpp"

#include <algorithm>

#include "block.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

constexpr unsigned kHashBits = 15;

std::size_t hash3(const std::uint8_t* at) noexcept {
  const std::uint32_t three = at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16;
  return three * 0x9E3779B1U >> (32 - kHashBits);
}

}  // namespace

void FarMatches::find(std::span<const std::uint8_t> frame, std::size_t row, const std::uint64_t* run_map,
                      const std::uint64_t* row_map, std::size_t depth, std::size_t enough) {
  const std::size_t n = frame.size();
  const std::uint8_t* data = frame.data();
  matches_.clear();
  first_.assign(n + 2, 0);
  head_.assign(std::size_t{1} << kHashBits, -1);
  previous_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    first_[i] = static_cast<std::uint32_t>(matches_.size());
    if (i + kMinMatch > n) continue;
    const std::size_t most = std::min(n - i, kMaxMatch);
    const std::size_t near = std::max(run_length(run_map, i, most), run_length(row_map, i, most));
    // Bytes deep in a run would make long chains of places that a run serves better.
    if (run_length(run_map, i, enough) == enough && i + enough < n) continue;
    const std::size_t hash = hash3(data + i);
    if (near < enough && near < most) {
      std::size_t best = kMinMatch - 1;
      std::int32_t candidate = head_[hash];
      for (std::size_t tries = depth; candidate >= 0 && tries > 0; --tries) {
        const auto from = static_cast<std::size_t>(candidate);
        const std::size_t distance = i - from;
        if (distance > kWindow) break;
        if (distance != 1 && distance != row && data[from + best] == data[i + best]) {
          std::size_t length = 0;
          while (length < most && data[from + length] == data[i + length]) ++length;
          if (length > best) {
            best = length;
            matches_.push_back({static_cast<std::uint16_t>(length), static_cast<std::uint16_t>(distance)});
            if (length == most) break;
          }
        }
        candidate = previous_[from];
      }
    }
    previous_[i] = head_[hash];
    head_[hash] = static_cast<std::int32_t>(i);
  }
  first_[n] = first_[n + 1] = static_cast<std::uint32_t>(matches_.size());
}

}  // namespace framedeflate
