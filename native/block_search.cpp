// SPDX-License-Identifier: Apache-2.0
#include "block_search.hpp"

#include <algorithm>
#include <array>

#include "code_choice.hpp"

namespace framedeflate {
namespace {

constexpr std::int32_t kHeaderBits = 10;       // what another symbol costs in the header, with its gap
constexpr std::size_t kLeastGain = 2048;       // this part of a block is worth another round
constexpr std::size_t kLookAhead = 128;        // a far match is looked for where so many bytes
constexpr std::int32_t kWorthFar = 16 * kBit;  // cost more than this by near matches

// The smallest parse and code found for bytes of the frame; in buffers.best_parse and best_plan.
class BlockSearch {
 public:
  BlockSearch(std::size_t nbytes, EncoderScratch::Buffers& buffers) : nbytes_(nbytes), buffers_(buffers) {}

  // Parses again and again, each time with the costs of the parse before; the first time with those of
  // `seed`.
  void improve(const ParseGraph& graph, std::size_t first, std::size_t last, const Histogram& seed,
               unsigned rounds, MatchEnds ends, bool far) {
    Histogram& histogram = buffers_.histogram;
    histogram = seed;
    unsigned misses = 0;
    for (unsigned round = 0; round < rounds && misses < 2; ++round) {
      // Far distances come in by the dozen. Were each asked for its share of the header, none would stay.
      buffers_.costs.learn(histogram, far ? 0 : kHeaderBits);
      buffers_.path.find(graph, first, last, buffers_.costs, ends, buffers_.parse, histogram);
      plan_block(histogram, nbytes_, 0, buffers_.plan);
      // A gain too small to go on for counts as none.
      const bool gains = buffers_.plan.nbits < best_nbits_ - best_nbits_ / kLeastGain;
      misses = gains ? 0 : misses + 1;
      if (buffers_.plan.nbits >= best_nbits_) continue;
      best_nbits_ = buffers_.plan.nbits;
      best_ = histogram;
      std::swap(buffers_.best_parse, buffers_.parse);
      std::swap(buffers_.best_plan, buffers_.plan);
    }
  }

  // Costs as they are, but with a chance for every distance: what no parse has used yet would never seem to
  // pay.
  [[nodiscard]] Histogram hopeful() const {
    Histogram histogram = best_;
    std::uint32_t nmatches = 0;
    for (const std::uint32_t count : histogram.distance) nmatches += count;
    for (std::size_t symbol = 0; symbol < kDistanceSymbols; ++symbol)
      histogram.distance[symbol] += 16 + nmatches / 4;
    return histogram;
  }

  [[nodiscard]] std::size_t nbits() const { return best_nbits_; }
  [[nodiscard]] std::size_t nliterals() const {
    std::size_t count = 0;
    for (std::size_t byte = 0; byte < 256; ++byte) count += best_.litlen[byte];
    return count;
  }
  Histogram& best() { return best_; }

 private:
  std::size_t nbytes_;
  EncoderScratch::Buffers& buffers_;
  Histogram best_;
  std::size_t best_nbits_ = ~std::size_t{0};
};

class SegmentSearch {
 public:
  SegmentSearch(const FrameMaps& maps, std::size_t start, std::size_t stop, const SearchPlan& plan,
                EncoderScratch::Buffers& buffers)
      : maps_(maps), start_(start), stop_(stop), plan_(plan), buffers_(buffers) {
    buffers.near.build(maps, start, stop, rules(), nullptr);
  }

  // Both ends are nodes of the near graph, and so of the other one.
  void solve(std::size_t start, std::size_t stop, const Histogram& seed, Block& block) {
    const std::size_t nbytes = stop - start;
    BlockSearch search(nbytes, buffers_);
    const auto improve = [&](const ParseGraph& graph, const Histogram& from, unsigned rounds, MatchEnds ends,
                             bool far) {
      search.improve(graph, graph.index(start - start_), graph.index(stop - start_), from, rounds, ends, far);
    };
    improve(buffers_.near, seed, plan_.near_rounds, MatchEnds::longest, false);
    // A texture has nothing that repeats. On sparse frames the symbols of far distances cost more in the
    // header than their matches save.
    const bool far = plan_.far.rounds != 0 && search.nbits() / 8 > nbytes / plan_.far.from;
    if (far && search.nliterals() < nbytes / 2) {
      if (!have_far_) find_far();
      have_far_ = true;
      // Among many nodes there is one wherever it is worth to stop.
      const MatchEnds ends =
          dense(search.nbits(), nbytes) ? std::min(plan_.ends, MatchEnds::early) : plan_.ends;
      improve(buffers_.all, search.hopeful(), plan_.far.rounds, ends, true);
    } else if (plan_.ends != MatchEnds::longest && search.nliterals() < nbytes / 4) {
      improve(buffers_.near, search.best(), plan_.near_rounds, plan_.ends, false);
    }
    if (plan_.code_rounds != 0) {
      plan_block_with_care(search.best(), nbytes, 0, plan_.code_rounds, buffers_.best_plan);
    }
    block.start = start;
    block.stop = stop;
    const std::span<const Step> steps = buffers_.best_parse.steps();
    block.steps.assign(steps.begin(), steps.end());
    block.histogram = search.best();
    block.plan = buffers_.best_plan;
  }

  // Cuts the block in two where its present symbols would be cheapest in two codes, parses both anew, and
  // goes on with each, as long as that makes the whole smaller.
  void split(Block& block, unsigned depth, std::vector<Block>& blocks) {
    std::array<Histogram, 2> sides;
    const std::size_t at = depth == 0 ? block.start : best_cut(block, sides);
    if (at != block.start) {
      std::array<Block, 2> halves;
      solve(block.start, at, sides[0], halves[0]);
      solve(at, block.stop, sides[1], halves[1]);
      if (halves[0].plan.nbits + halves[1].plan.nbits < block.plan.nbits) {
        split(halves[0], depth - 1, blocks);
        split(halves[1], depth - 1, blocks);
        return;
      }
    }
    blocks.push_back(std::move(block));
  }

 private:
  static bool dense(std::size_t nbits, std::size_t nbytes) { return nbits > nbytes / 2; }

  [[nodiscard]] GraphRules rules() const { return {plan_.literal_below, plan_.ends != MatchEnds::longest}; }

  // Looks for far matches where the next bytes cost enough by near ones, as the last parse has it.
  void find_far() {
    FarMatches& far = buffers_.far;
    if (start_ == 0) far.begin(maps_.frame, maps_.run_map, maps_.run, maps_.row, plan_.far.depth);
    far.clear();
    const std::span<const ParseGraph::Node> nodes = buffers_.near.nodes();
    std::size_t ahead = 0;
    for (const ParseGraph::Node& node : nodes) {
      while (ahead + 1 < nodes.size() && nodes[ahead].place < node.place + kLookAhead) ++ahead;
      if (std::max(node.run, node.row) >= plan_.far.below ||
          buffers_.path.cost(node.place) - buffers_.path.cost(nodes[ahead].place) < kWorthFar)
        continue;
      // What a near match reaches is cheaper so.
      far.find(start_ + node.place, std::max(node.run, node.row),
               std::min(stop_ - start_ - node.place, kMaxMatch));
    }
    buffers_.all.build(maps_, start_, stop_, rules(), &far);
  }

  // The byte before which to cut, or the block's start if no cut comes near to paying; and the symbols of
  // both sides.
  std::size_t best_cut(const Block& block, std::array<Histogram, 2>& best_sides) {
    constexpr std::size_t kLeastNbits = 1024;
    const std::size_t nsteps = block.steps.size();
    const std::size_t nplaces = std::min(plan_.cuts.places, nsteps / 2);
    if (block.plan.nbits < kLeastNbits) return block.start;
    std::array<Histogram, 2> sides = {Histogram{}, block.histogram};
    std::size_t place = block.start, cut = block.start, next = 1;
    // On a dense block another search is dear, and the gain beyond what is foreseen small.
    std::size_t best = estimated_nbits(block.histogram);
    best = dense(block.plan.nbits, block.stop - block.start) ? best - best / 256 : best + plan_.cuts.hope;
    for (std::size_t k = 0; k < nsteps && next < nplaces; ++k) {
      const Step step = block.steps[k];
      for (std::size_t side = 0; side < 2; ++side) {
        const std::uint32_t change = side == 0 ? 1U : ~0U;
        if (step.distance == 0) {
          sides[side].litlen[maps_.frame[place]] += change;
        } else {
          sides[side].litlen[kLengthSymbols[step.length]] += change;
          sides[side].distance[distance_code(step.distance).symbol] += change;
        }
      }
      place += step.length;
      if (k + 1 < nsteps * next / nplaces) continue;
      if (place == block.stop || !buffers_.near.has(place - start_)) continue;
      ++next;
      const std::size_t nbits = estimated_nbits(sides[0]) + estimated_nbits(sides[1]);
      if (nbits < best) {
        best = nbits;
        cut = place;
        best_sides = sides;
      }
    }
    return cut;
  }

  const FrameMaps& maps_;
  std::size_t start_, stop_;
  const SearchPlan& plan_;
  EncoderScratch::Buffers& buffers_;
  bool have_far_ = false;
};

}  // namespace

void search_segment(const FrameMaps& maps, std::size_t start, std::size_t stop, const SearchPlan& plan,
                    const Histogram& seed, EncoderScratch::Buffers& buffers, std::vector<Block>& blocks) {
  SegmentSearch search(maps, start, stop, plan, buffers);
  Block whole;
  search.solve(start, stop, seed, whole);
  search.split(whole, plan.cuts.depth, blocks);
}

}  // namespace framedeflate
