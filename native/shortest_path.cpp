// SPDX-License-Identifier: Apache-2.0
#include "shortest_path.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace framedeflate {
namespace {

// More than 2^18 bytes can cost at 28 bits each, and the sum of both still below 2^31.
constexpr std::int32_t kNever = 1 << 30;
constexpr std::size_t kEveryLength =
    40;  // up to here each length is tried, beyond it those that begin a symbol

std::uint32_t packed(std::size_t length, std::size_t distance) {
  return static_cast<std::uint32_t>(length | distance << 16);
}

struct Best {
  std::int32_t cost;
  std::uint32_t step;

  void offer(std::int32_t its_cost, std::uint32_t its_step) {
    const bool better = its_cost < cost;
    cost = better ? its_cost : cost;
    step = better ? its_step : step;
  }
};

// Matches of `least` or more bytes that end before they must.
void offer_shorter(Best& best, const std::int32_t* ahead, const CostModel& costs, std::int32_t distance_cost,
                   std::size_t least, std::size_t length, std::size_t distance) {
  const std::size_t every = std::min(length, kEveryLength);
  for (std::size_t l = least; l < every; ++l) {
    best.offer(distance_cost + costs.length[l] + ahead[l], packed(l, distance));
  }
  if (length <= kEveryLength) return;
  for (std::size_t symbol = kLengthSymbols[std::max(least, kEveryLength)] - 257U;
       kLengthBases[symbol] < length; ++symbol) {
    const std::size_t l = kLengthBases[symbol];
    best.offer(distance_cost + costs.length[l] + ahead[l], packed(l, distance));
    if (l > kMinMatch)
      best.offer(distance_cost + costs.length[l - 1] + ahead[l - 1], packed(l - 1, distance));
  }
  for (std::size_t l = length - 3; l < length; ++l) {
    best.offer(distance_cost + costs.length[l] + ahead[l], packed(l, distance));
  }
}

}  // namespace

template <bool kFar, bool kAllLengths>
void ShortestPath::search(const FrameMaps& maps, std::size_t start, std::size_t stop, const CostModel& costs,
                          const FarMatches* far) {
  const std::size_t n = stop - start;
  const std::uint8_t* const data = maps.frame.data() + start;
  std::int32_t* const cost = cost_.data();
  std::uint32_t* const step = step_.data();
  const std::int32_t run_distance = costs.distance[0];
  const std::int32_t row_distance = maps.row != 0 ? costs.distance[distance_code(maps.row).symbol] : 0;
  std::array<std::int32_t, kMaxMatch + 1> run_costs, row_costs;
  for (std::size_t l = 0; l <= kMaxMatch; ++l) {
    run_costs[l] = l < kMinMatch ? kNever : costs.length[l] + run_distance;
    row_costs[l] = l < kMinMatch || maps.row == 0 ? kNever : costs.length[l] + row_distance;
  }

  cost[n] = 0;
  std::size_t run = 0, row = 0, i = n;
  while (i > 0) {
    const std::size_t last = start + i - 1;  // its bit is brought to the top of each word, then the next ones
    std::uint64_t run_word = maps.run_map[last >> 6], row_word = maps.row_map[last >> 6];
    if ((last & 63) == 63 && run >= kMaxMatch + 64 && run_word == ~std::uint64_t{0} && i > 64) {
      for (std::size_t k = i - 64; k < i; ++k) {
        cost[k] = cost[k + kMaxMatch] + run_costs[kMaxMatch];
        step[k] = packed(kMaxMatch, 1);
      }
      run += 64;
      row = row_word == ~std::uint64_t{0} ? row + 64 : static_cast<std::size_t>(std::countr_one(row_word));
      i -= 64;
      continue;
    }
    run_word <<= 63 - (last & 63);
    row_word <<= 63 - (last & 63);
    for (const std::size_t until = i - std::min(i, (last & 63) + 1); i > until;) {
      --i;
      run = (run + 1) & (std::size_t{0} - (run_word >> 63));
      row = (row + 1) & (std::size_t{0} - (row_word >> 63));
      run_word <<= 1;
      row_word <<= 1;
      const std::size_t run_nbytes = run < kMaxMatch ? run : kMaxMatch;
      const std::size_t row_nbytes = row < kMaxMatch ? row : kMaxMatch;
      const std::int32_t* const ahead = cost + i;
      Best best = {costs.literal[data[i]] + ahead[1], packed(1, 0)};
      best.offer(run_costs[run_nbytes] + ahead[run_nbytes], packed(run_nbytes, 1));
      best.offer(row_costs[row_nbytes] + ahead[row_nbytes], packed(row_nbytes, maps.row));
      if constexpr (kFar) {
        std::size_t least = kMinMatch;
        for (const FarMatch match : far->at(start + i)) {
          const std::size_t length = std::min<std::size_t>(match.length, n - i);
          if (length < kMinMatch) continue;
          const std::int32_t distance = costs.distance[match.symbol];
          best.offer(distance + costs.length[length] + ahead[length], packed(length, match.distance));
          // What a nearer match reached is not tried again.
          if constexpr (kAllLengths) {
            if (least < length) offer_shorter(best, ahead, costs, distance, least, length, match.distance);
          }
          least = length + 1;
        }
      }
      if constexpr (kAllLengths) {
        // Inside a long match no path that matters starts another: only where it is short or has just begun.
        if (run_nbytes > kMinMatch && (run_nbytes <= kEveryLength || run_word >> 62 != 3)) {
          offer_shorter(best, ahead, costs, run_distance, kMinMatch, run_nbytes, 1);
        }
        if (row_nbytes > kMinMatch && maps.row != 0 && (row_nbytes <= kEveryLength || row_word >> 62 != 3)) {
          offer_shorter(best, ahead, costs, row_distance, kMinMatch, row_nbytes, maps.row);
        }
      }
      cost[i] = best.cost;
      step[i] = best.step;
    }
  }
}

void ShortestPath::find(const FrameMaps& maps, std::size_t start, std::size_t stop, const CostModel& costs,
                        const FarMatches* far, bool all_lengths, Parse& parse) {
  const std::size_t n = stop - start;
  if (cost_.size() < n + 1) {
    cost_.resize(n + 1);
    step_.resize(n + 1);
  }
  if (far != nullptr && all_lengths) {
    search<true, true>(maps, start, stop, costs, far);
  } else if (far != nullptr) {
    search<true, false>(maps, start, stop, costs, far);
  } else if (all_lengths) {
    search<false, true>(maps, start, stop, costs, far);
  } else {
    search<false, false>(maps, start, stop, costs, far);
  }
  if (parse.buffer.size() < n) parse.buffer.resize(n);
  parse.nsteps = 0;
  for (std::size_t i = 0; i < n;) {
    const Step step = {static_cast<std::uint16_t>(step_[i] & 0xFFFF),
                       static_cast<std::uint16_t>(step_[i] >> 16)};
    parse.buffer[parse.nsteps++] = step;
    i += step.length;
  }
}

}  // namespace framedeflate
