// SPDX-License-Identifier: Apache-2.0
#include "shortest_path.hpp"

#include <algorithm>
#include <array>

namespace framedeflate {
namespace {

// More than 2^18 bytes can cost at 28 bits each, and the sum of both still below 2^31.
constexpr std::int32_t kNever = 1 << 29;
constexpr std::size_t kEvery = 40;  // no early end is tried behind so many bytes

// One or two steps: length and distance - 1 (literals: fewer than three, and 0) of the first; length of the
// second, and whether it is a row match rather than a run.
std::uint64_t packed(std::size_t length, std::size_t distance) { return (distance - 1) << 9 | length; }
std::uint64_t packed_second(std::size_t length, bool row) {
  return std::uint64_t{length} << 24 | std::uint64_t{row} << 33;
}

struct Best {
  std::int32_t cost;
  std::uint64_t step;

  void offer(std::int32_t its_cost, std::uint64_t its_step) {
    const bool better = its_cost < cost;
    cost = better ? its_cost : cost;
    step = better ? its_step : step;
  }
};

struct Prices {
  std::array<std::int32_t, kMaxMatch + 1> run, row;  // by length, with the distance
  std::int32_t run_distance, row_distance;

  Prices(const CostModel& costs, std::size_t run_nbytes, std::size_t row_nbytes) {
    run_distance = costs.distance[distance_code(run_nbytes).symbol];
    row_distance = row_nbytes != 0 ? costs.distance[distance_code(row_nbytes).symbol] : 0;
    for (std::size_t l = 0; l <= kMaxMatch; ++l) {
      run[l] = l < kMinMatch ? kNever : costs.length[l] + run_distance;
      row[l] = l < kMinMatch || row_nbytes == 0 ? kNever : costs.length[l] + row_distance;
    }
  }
};

// A match that ends before it must, after `least` to `most` bytes. Ends that are no nodes cost kNever.
void offer_shorter(Best& best, const CostModel& costs, const std::int32_t* ahead, std::int32_t distance_price,
                   std::size_t least, std::size_t most, std::size_t distance) {
  const std::int32_t* const price = costs.length.data();
  std::int32_t lowest = kNever;
  for (std::size_t l = least; l <= most; ++l) lowest = std::min(lowest, price[l] + ahead[l]);
  if (lowest >= kNever || lowest + distance_price >= best.cost) return;
  std::size_t length = least;
  while (price[length] + ahead[length] != lowest) ++length;
  best = {lowest + distance_price, packed(length, distance)};
}

// A match of `length` bytes and then the run or row match from where it ends: the second may begin up to
// `back` bytes sooner.
void offer_seam(Best& best, const CostModel& costs, std::int32_t rest, std::size_t length,
                std::size_t distance, std::size_t second, std::size_t back, bool row) {
  const std::size_t most = std::min({back, length - kMinMatch, kMaxMatch - second});
  const std::int32_t* const shorter = costs.length.data() + length;
  const std::int32_t* const longer = costs.length.data() + second;
  std::int32_t least = kNever;
  std::size_t at = 0;
  for (std::size_t k = 1; k <= most; ++k) {
    const std::int32_t sum = *(shorter - k) + longer[k];
    at = sum < least ? k : at;
    least = sum < least ? sum : least;
  }
  best.offer(rest + least, packed(length - at, distance) | packed_second(second + at, row));
}

}  // namespace

template <MatchEnds kEnds>
void ShortestPath::search(const ParseGraph& graph, std::size_t first, std::size_t last,
                          const CostModel& costs) {
  const ParseGraph::Node* const nodes = graph.nodes().data();
  const FarMatch* const far = graph.far().data();
  const Prices prices(costs, graph.run(), graph.row());
  const std::size_t stop = nodes[last].place;
  std::int32_t* const cost = cost_.data();
  std::uint64_t* const step = step_.data();
  // No path ends where no node is.
  if constexpr (kEnds != MatchEnds::longest) {
    std::fill(cost + nodes[first].place, cost + stop, kNever);
  }
  cost[stop] = 0;

  std::size_t k = last;
  // Matches near the end may lead beyond it and are cut off there.
  while (k > first && stop - nodes[k - 1].place < kMaxMatch) {
    --k;
    const ParseGraph::Node& node = nodes[k];
    const std::size_t room = stop - node.place;
    std::int32_t* const ahead = cost + node.place;
    Best best = {kNever, 0};
    if (node.literal) best.offer(costs.literal[node.byte] + ahead[1], packed(1, 1));
    const auto offer = [&](std::size_t length, std::int32_t price_of_distance, std::size_t distance) {
      const std::size_t l = std::min(length, room);
      if (l >= kMinMatch) best.offer(costs.length[l] + price_of_distance + ahead[l], packed(l, distance));
    };
    offer(node.run, prices.run_distance, graph.run());
    offer(node.row, prices.row_distance, graph.row());
    for (std::size_t f = node.far; f < nodes[k + 1].far; ++f) {
      offer(far[f].length, costs.distance[far[f].symbol], far[f].distance);
    }
    // A node whose matches are cut to less than three bytes goes to the end by literals.
    if (best.cost >= kNever) {
      best = {0, packed(room, 1)};
      for (const std::uint8_t byte : graph.bytes().subspan(node.place, room))
        best.cost += costs.literal[byte];
    }
    *ahead = best.cost;
    step[k] = best.step;
  }
  std::int32_t behind = cost[nodes[k].place];  // the cost from the node behind this one
  while (k > first) {
    --k;
    const ParseGraph::Node& node = nodes[k];
    std::int32_t* const ahead = cost + node.place;
    Best best = {prices.run[node.run] + ahead[node.run], packed(node.run, graph.run())};
    best.offer(prices.row[node.row] + ahead[node.row], packed(node.row, graph.row()));
    for (std::size_t f = node.far; f < nodes[k + 1].far; ++f) {
      best.offer(costs.distance[far[f].symbol] + costs.length[far[f].length] + ahead[far[f].length],
                 packed(far[f].length, far[f].distance));
    }
    if constexpr (kEnds == MatchEnds::anywhere) {
      const auto seams = [&](std::size_t length, std::int32_t price, std::size_t distance) {
        if (length <= kMinMatch || node.place + length >= stop) return;
        const ParseGraph::Node& there = nodes[graph.index(node.place + length)];
        const auto seam = [&](std::size_t second, std::size_t back, std::int32_t second_price, bool row) {
          if (second == 0 || second >= kMaxMatch || back == 0 || there.place + second > stop) return;
          offer_seam(best, costs, price + second_price + ahead[length + second], length, distance, second,
                     back, row);
        };
        if (distance != graph.run()) seam(there.run, there.run_back, prices.run_distance, false);
        if (distance != graph.row()) seam(there.row, there.row_back, prices.row_distance, true);
      };
      seams(node.run, prices.run_distance, graph.run());
      seams(node.row, prices.row_distance, graph.row());
      for (std::size_t f = node.far; f < nodes[k + 1].far; ++f) {
        if (far[f].length > kEvery / 2) {
          seams(far[f].length, costs.distance[far[f].symbol], far[f].distance);
        }
      }
    }
    if constexpr (kEnds != MatchEnds::longest) {
      // Of two matches the nearer serves what both reach, and inside a long one no path that matters ends
      // another: only where it is short or has just begun.
      std::size_t least = kMinMatch;
      const auto shorter = [&](std::size_t length, std::size_t back, std::int32_t price,
                               std::size_t distance) {
        if (length > least && (length <= kEvery || back < 2)) {
          offer_shorter(best, costs, ahead, price, least, std::min(length - 1, kEvery), distance);
        }
        least = std::max(least, length + 1);
      };
      shorter(node.run, node.run_back, prices.run_distance, graph.run());
      shorter(node.row, node.row_back, prices.row_distance, graph.row());
      for (std::size_t f = node.far; f < nodes[k + 1].far; ++f) {
        shorter(far[f].length, 0, costs.distance[far[f].symbol], far[f].distance);
      }
    }
    best.offer(costs.literal[node.byte] + (kNever & (std::int32_t{node.literal} - 1)) + behind, packed(1, 1));
    *ahead = behind = best.cost;
    step[k] = best.step;
  }
}

void ShortestPath::find(const ParseGraph& graph, std::size_t first, std::size_t last, const CostModel& costs,
                        MatchEnds ends, Parse& parse, Histogram& histogram) {
  const std::span<const ParseGraph::Node> nodes = graph.nodes();
  const std::size_t nbytes = graph.bytes().size();
  if (cost_.size() < nbytes + 1) {
    cost_.resize(nbytes + 1);
    step_.resize(nbytes + 1);
  }
  switch (ends) {
    case MatchEnds::longest:
      search<MatchEnds::longest>(graph, first, last, costs);
      break;
    case MatchEnds::early:
      search<MatchEnds::early>(graph, first, last, costs);
      break;
    case MatchEnds::anywhere:
      search<MatchEnds::anywhere>(graph, first, last, costs);
      break;
  }
  if (parse.buffer.size() < nbytes) parse.buffer.resize(nbytes);
  histogram = {};
  Step* out = parse.buffer.data();
  const auto match = [&](std::size_t length, std::size_t distance) {
    *out++ = {static_cast<std::uint16_t>(length), static_cast<std::uint16_t>(distance)};
    ++histogram.litlen[kLengthSymbols[length]];
    ++histogram.distance[distance_code(distance).symbol];
  };
  const std::size_t stop = nodes[last].place;
  for (std::size_t place = nodes[first].place; place < stop;) {
    const std::uint64_t step = step_[graph.index(place)];
    const std::size_t length = step & 511, second = step >> 24 & 511;
    if (length < kMinMatch) {
      for (const std::uint8_t byte : graph.bytes().subspan(place, length)) {
        *out++ = {1, 0};
        ++histogram.litlen[byte];
      }
    } else {
      match(length, (step >> 9 & 0x7FFF) + 1);
      if (second != 0) match(second, (step >> 33 & 1) != 0 ? graph.row() : graph.run());
    }
    place += length + second;
  }
  parse.nsteps = static_cast<std::size_t>(out - parse.buffer.data());
}

}  // namespace framedeflate
