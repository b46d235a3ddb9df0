// SPDX-License-Identifier: Apache-2.0
// Levels 2 to 9: shortest-path parses whose costs come from the parse before, the smallest kept; with far
// matches from level 4 on, codes chosen with their header from 5, matches of every length from 8, and blocks
// cut in two at 9. Measured against zlib level 6: .877 of its size at 5 times its speed (level 2) to .867
// (level 9); level 1 has .890 at 20 to 30.
#include <algorithm>
#include <array>
#include <vector>

#include "code_choice.hpp"
#include "encoder_parts.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kSegmentBytes = std::size_t{1} << 18;  // so that costs stay below 2^30

struct LevelPlan {
  unsigned near_rounds;  // parses with run and row matches alone
  unsigned far_rounds;   // parses with all matches, of which so many earlier places are looked at
  std::size_t far_depth;
  std::size_t far_from;    // far matches are tried where more than this part of the bytes is left
  std::size_t far_enough;  // no far match is looked for where a near one is this long
  bool all_lengths;
  unsigned code_rounds;  // of plan_block_with_care
  unsigned splits;       // how often a block may be cut in two, and its halves again
};

constexpr std::size_t kMostFarBytes = std::size_t{1} << 28;  // their tables take ten times as much
constexpr std::int32_t kHeaderBits = 10;  // what another symbol costs in the header, with its gap

constexpr LevelPlan level_plan(int level) {
  switch (level) {
    case 2:
      return {1, 0, 0, 1, 0, false, 0, 0};
    case 3:
      return {2, 0, 0, 1, 0, false, 0, 0};
    case 4:
      return {2, 1, 2, 64, 16, false, 0, 0};
    case 5:
      return {2, 2, 3, 64, 24, false, 1, 0};
    case 6:
      return {2, 2, 8, 64, 32, false, 1, 0};
    case 7:
      return {2, 3, 24, 96, 48, false, 2, 0};
    case 8:
      return {2, 4, 48, 128, 64, true, 2, 0};
    default:
      return {3, 8, 224, 256, 64, true, 2, 4};
  }
}

void count_steps(std::span<const std::uint8_t> bytes, std::span<const Step> steps, Histogram& histogram) {
  histogram = {};
  std::size_t at = 0;
  for (const Step step : steps) {
    if (step.distance == 0) {
      ++histogram.litlen[bytes[at]];
    } else {
      ++histogram.litlen[kLengthSymbols[step.length]];
      ++histogram.distance[distance_code(step.distance).symbol];
    }
    at += step.length;
  }
}

void write_steps(std::span<const std::uint8_t> bytes, std::span<const Step> steps, const BlockCode& code,
                 BitWriter& out) {
  BitWriter writer = out;  // a copy of its own can stay in registers
  const auto put = [&writer](std::uint32_t entry) { writer.put(entry & 0xFFFF, entry >> 16); };
  std::size_t at = 0;
  for (const Step step : steps) {
    if (step.distance == 0) {
      put(code.litlen.entries[bytes[at]]);
    } else {
      const std::size_t symbol = kLengthSymbols[step.length];
      const DistanceCode distance = distance_code(step.distance);
      put(code.litlen.entries[symbol]);
      writer.put(step.length - kLengthBases[symbol - 257], kLengthExtra[symbol - 257]);
      put(code.distance.entries[distance.symbol]);
      writer.put(step.distance - std::size_t{distance.base}, distance.extra_nbits);
    }
    writer.flush();
    at += step.length;
  }
  put(code.litlen.entries[kEndOfBlock]);
  writer.flush();
  out = writer;
}

// The smallest parse and code found for bytes of the frame; in buffers.best_parse and best_plan.
class BlockSearch {
 public:
  BlockSearch(const FrameMaps& maps, std::size_t start, std::size_t stop, const LevelPlan& level,
              unsigned pending, EncoderScratch::Buffers& buffers)
      : maps_(maps), start_(start), stop_(stop), level_(level), pending_(pending), buffers_(buffers) {}

  // Parses again and again, each time with the costs of the parse before; the first time with those of
  // `seed`.
  void improve(const Histogram& seed, unsigned rounds, const FarMatches* far) {
    const auto bytes = maps_.frame.subspan(start_, stop_ - start_);
    Histogram& histogram = buffers_.histogram;
    if (&seed != &histogram) histogram = seed;
    unsigned misses = 0;
    for (unsigned round = 0; round < rounds; ++round) {
      // Far distances come in by the dozen and are weeded out: their share of the header is asked for by
      // degrees.
      const auto by_degrees = static_cast<std::int32_t>(std::min(round, 8U));
      buffers_.costs.learn(histogram, far != nullptr ? by_degrees : kHeaderBits);
      buffers_.path.find(maps_, start_, stop_, buffers_.costs, far, level_.all_lengths, buffers_.parse);
      count_steps(bytes, buffers_.parse.steps(), histogram);
      plan_block(histogram, bytes.size(), pending_, buffers_.plan);
      if (buffers_.plan.nbits >= best_nbits_) {
        if (++misses == 2) return;
        continue;
      }
      misses = 0;
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
  const FrameMaps& maps_;
  std::size_t start_, stop_;
  const LevelPlan& level_;
  unsigned pending_;
  EncoderScratch::Buffers& buffers_;
  Histogram best_;
  std::size_t best_nbits_ = ~std::size_t{0};
};

// A block as it will be written.
struct Block {
  std::size_t start, stop;
  std::vector<Step> steps;
  Histogram histogram;
  BlockPlan plan;
};

class FrameSearch {
 public:
  FrameSearch(const FrameMaps& maps, const LevelPlan& level, EncoderScratch::Buffers& buffers)
      : maps_(maps), level_(level), buffers_(buffers) {}

  void solve(std::size_t start, std::size_t stop, unsigned pending, const Histogram& seed, Block& block) {
    BlockSearch search(maps_, start, stop, level_, pending, buffers_);
    search.improve(seed, level_.near_rounds, nullptr);
    // On sparse frames the symbols of far distances cost more in the header than their matches save, and a
    // texture has nothing that repeats.
    const std::size_t nbytes = stop - start;
    if (level_.far_rounds != 0 && maps_.frame.size() <= kMostFarBytes &&
        search.nbits() / 8 > nbytes / level_.far_from && search.nliterals() < nbytes / 2) {
      if (!have_far_) {
        buffers_.far.find(maps_.frame, maps_.row, maps_.run_map, maps_.row_map, level_.far_depth,
                          level_.far_enough);
      }
      have_far_ = true;
      search.improve(search.hopeful(), level_.far_rounds, &buffers_.far);
    }
    if (level_.code_rounds != 0) {
      plan_block_with_care(search.best(), nbytes, pending, level_.code_rounds, buffers_.best_plan);
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
    const std::size_t at = depth == 0 ? 0 : best_cut(block, sides);
    if (at != 0) {
      std::array<Block, 2> halves;
      solve(block.start, at, 0, sides[0], halves[0]);
      solve(at, block.stop, 0, sides[1], halves[1]);
      if (halves[0].plan.nbits + halves[1].plan.nbits < block.plan.nbits) {
        split(halves[0], depth - 1, blocks);
        split(halves[1], depth - 1, blocks);
        return;
      }
    }
    blocks.push_back(std::move(block));
  }

 private:
  // The byte before which to cut, or 0 if no cut comes near to paying; and the symbols of both sides.
  std::size_t best_cut(const Block& block, std::array<Histogram, 2>& best_sides) {
    constexpr std::size_t kCuts = 24, kLeastNbits = 1024;
    constexpr std::size_t kHope = 96;  // bits that parsing anew may gain
    if (block.plan.nbits < kLeastNbits || block.steps.size() < 2 * kCuts) return 0;
    std::array<Histogram, 2> sides = {Histogram{}, block.histogram};
    std::size_t place = block.start, cut = 0, best = block.plan.nbits + kHope;
    for (std::size_t k = 0, next = 1; k < block.steps.size() && next < kCuts; ++k) {
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
      if (k + 1 < block.steps.size() * next / kCuts) continue;
      ++next;
      std::size_t nbits = 0;
      for (std::size_t side = 0; side < 2; ++side) {
        plan_block(sides[side], side == 0 ? place - block.start : block.stop - place, 0, buffers_.plan);
        nbits += buffers_.plan.nbits;
      }
      if (nbits < best) {
        best = nbits;
        cut = place;
        best_sides = sides;
      }
    }
    return cut;
  }

  const FrameMaps& maps_;
  const LevelPlan& level_;
  EncoderScratch::Buffers& buffers_;
  bool have_far_ = false;
};

}  // namespace

void deflate_optimal(std::span<const std::uint8_t> frame, std::size_t row, int level,
                     EncoderScratch::Buffers& buffers, BitWriter& writer) {
  const LevelPlan plan = level_plan(level);
  const FrameMaps maps = {frame, buffers.run_map.data(), buffers.row_map.data(), row};
  FrameSearch search(maps, plan, buffers);
  Block whole;
  std::vector<Block> blocks;
  std::size_t start = 0;
  do {
    const std::size_t stop = std::min(frame.size(), start + kSegmentBytes);
    Histogram seed;
    fast_histogram(frame.first(stop), start, row, buffers, seed);
    search.solve(start, stop, writer.pending(), seed, whole);
    blocks.clear();
    search.split(whole, plan.splits, blocks);
    for (const Block& block : blocks) {
      const auto bytes = frame.subspan(block.start, block.stop - block.start);
      const bool last = block.stop == frame.size();
      if (block.plan.kind == BlockKind::stored) {
        write_stored(writer, bytes, last);
      } else {
        begin_block(writer, block.plan, last);
        write_steps(bytes, block.steps, block.plan.used(), writer);
      }
    }
    start = stop;
  } while (start < frame.size());
}

}  // namespace framedeflate
