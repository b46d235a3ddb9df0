// SPDX-License-Identifier: Apache-2.0
// The cheapest way through a frame: a shortest path over the nodes of its graph, where a literal is a step of
// one byte and a match one of several. It is worked out from the end to the start, so that every node pulls
// the best of its steps from costs that are final: no branch depends on the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cost_model.hpp"
#include "parse_graph.hpp"

namespace framedeflate {

// One step of a parse: a literal (length 1; distance 0) or a match.
struct Step {
  std::uint16_t length, distance;
};

// Steps in order. The buffer only grows, so that nothing is cleared between frames.
struct Parse {
  std::vector<Step> buffer;
  std::size_t nsteps = 0;

  [[nodiscard]] std::span<const Step> steps() const noexcept { return {buffer.data(), nsteps}; }
};

// Where matches may end.
enum class MatchEnds : std::uint8_t {
  longest,  // as late as they can
  early,    // also at nodes before that, up to 40 bytes on
  anywhere  // and between two of any length, where one begins before the other ends
};

class ShortestPath {
 public:
  // Leaves the steps from node `first` to node `last` in `parse` and counts their symbols.
  void find(const ParseGraph& graph, std::size_t first, std::size_t last, const CostModel& costs,
            MatchEnds ends, Parse& parse, Histogram& histogram);

  // The costs that the last call found, by place, from each node to the last.
  [[nodiscard]] std::int32_t cost(std::size_t place) const noexcept { return cost_[place]; }

 private:
  template <MatchEnds kEnds>
  void search(const ParseGraph& graph, std::size_t first, std::size_t last, const CostModel& costs);

  std::vector<std::int32_t> cost_;   // from each node to the end
  std::vector<std::uint64_t> step_;  // the first step of that, as packed in the source
};

}  // namespace framedeflate
