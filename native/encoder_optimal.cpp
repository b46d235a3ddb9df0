// SPDX-License-Identifier: Apache-2.0
// Levels 2 to 9: shortest-path parses whose costs come from the parse before, the smallest kept; with codes
// chosen with their header from level 3 on, far matches from 4, matches that end early and blocks cut in two
// from 6, literals inside long matches from 7. Never larger than level 1, whose stream is made first and
// gives the first costs.
#include <algorithm>
#include <vector>

#include "block_search.hpp"
#include "encoder_parts.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kSegmentBytes = std::size_t{1} << 18;  // so that costs stay below 2^29
constexpr std::size_t kFarAmongSamples = 1024;
constexpr std::size_t kOneBlock = std::size_t{1} << 16;

constexpr SearchPlan search_plan(int level) {
  SearchPlan plan;
  switch (level) {
    case 2:
      break;
    case 3:
      plan.near_rounds = 3;
      plan.code_rounds = 1;
      break;
    case 4:
      plan.near_rounds = 3;
      plan.far = {.rounds = 2, .depth = 10, .from = 24, .below = 16};
      plan.code_rounds = 1;
      break;
    case 5:
      plan.near_rounds = 3;
      plan.far = {.rounds = 3, .depth = 16, .from = 40, .below = 24};
      plan.code_rounds = 1;
      break;
    case 6:
      plan.near_rounds = 3;
      plan.far = {.rounds = 3, .depth = 24, .from = 64, .below = 48};
      plan.ends = MatchEnds::early;
      plan.code_rounds = 1;
      plan.cuts = {.depth = 2, .places = 24, .hope = 0};
      break;
    case 7:
      plan.near_rounds = 3;
      plan.far = {.rounds = 4, .depth = 40, .from = 128, .below = 48};
      plan.literal_below = 24;
      plan.ends = MatchEnds::early;
      plan.code_rounds = 1;
      plan.cuts = {.depth = 3, .places = 24, .hope = 0};
      break;
    case 8:
      plan.near_rounds = 3;
      plan.far = {.rounds = 5, .depth = 64, .from = 192, .below = 64};
      plan.literal_below = 40;
      plan.ends = MatchEnds::anywhere;
      plan.code_rounds = 2;
      plan.cuts = {.depth = 3, .places = 128, .hope = 32};
      break;
    default:
      plan.near_rounds = 3;
      plan.far = {.rounds = 8, .depth = 128, .from = 1024, .below = 128};
      plan.literal_below = 100;
      plan.ends = MatchEnds::anywhere;
      plan.code_rounds = 3;
      plan.cuts = {.depth = 4, .places = 400, .hope = 48};
      break;
  }
  return plan;
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

}  // namespace

void deflate_optimal(std::span<const std::uint8_t> frame, int level, EncoderScratch::Buffers& buffers,
                     BitWriter& writer) {
  SearchPlan plan = search_plan(level);
  // What runs and rows of whole samples leave is little, and yet much of it repeats: clean air around a body.
  if (buffers.run != 1) plan.far.from = std::max(plan.far.from, kFarAmongSamples);
  const FrameMaps maps = {frame, buffers.run_map.data(), buffers.row_map.data(), buffers.run, buffers.row};
  BitWriter first = writer;
  deflate_fast(frame, buffers, first);
  std::vector<Block> blocks;
  std::size_t start = 0, nbits = 0;
  do {
    const std::size_t stop = std::min(frame.size(), start + kSegmentBytes);
    // A small frame is one block of level 1, whose symbols are still there.
    Histogram seed = buffers.histogram;
    if (frame.size() > kOneBlock) fast_histogram(frame.first(stop), start, buffers, seed);
    const std::size_t before = blocks.size();
    search_segment(maps, start, stop, plan, seed, buffers, blocks);
    for (std::size_t k = before; k < blocks.size(); ++k) nbits += blocks[k].plan.nbits;
    start = stop;
  } while (start < frame.size());
  const std::size_t fast_nbits = 8 * (first.nbytes() - writer.nbytes()) + first.pending() - writer.pending();
  if (fast_nbits <= nbits) {
    writer = first;
    return;
  }
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
}

}  // namespace framedeflate
