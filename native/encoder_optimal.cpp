// SPDX-License-Identifier: Apache-2.0
// Levels 2 to 9: shortest-path parses whose costs come from the parse before, the smallest kept.
#include <algorithm>

#include "encoder_parts.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kSegmentBytes = std::size_t{1} << 18;  // costs in 256ths of a bit stay below 2^31

struct LevelPlan {
  unsigned iterations;
  bool all_lengths;
  std::size_t far_depth;
  std::int32_t header_nbits;
};

LevelPlan level_plan(int level) {
  switch (level) {
    case 2:
      return {1, false, 0, 3};
    case 3:
      return {2, false, 0, 3};
    case 4:
      return {3, false, 0, 3};
    case 5:
      return {3, false, 0, 3};
    case 6:
      return {5, true, 0, 3};
    case 7:
      return {5, true, 32, 3};
    case 8:
      return {10, true, 256, 3};
    default:
      return {15, true, 1024, 3};
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

}  // namespace

void deflate_optimal(std::span<const std::uint8_t> frame, std::size_t row, int level,
                     EncoderScratch::Buffers& buffers, BitWriter& writer) {
  const LevelPlan plan = level_plan(level);
  const FrameMaps maps = {frame, buffers.run_map.data(), buffers.row_map.data(), row};
  const FarMatches* far = nullptr;
  if (plan.far_depth != 0) {
    buffers.far.find(frame, row, maps.run_map, maps.row_map, plan.far_depth, 64);
    if (!buffers.far.empty()) far = &buffers.far;
  }
  std::size_t start = 0;
  do {
    const std::size_t stop = std::min(frame.size(), start + kSegmentBytes);
    const auto bytes = frame.subspan(start, stop - start);
    fast_histogram(frame.first(stop), start, row, buffers, buffers.histogram);
    std::size_t best_nbits = ~std::size_t{0};
    for (unsigned iteration = 0; iteration < plan.iterations; ++iteration) {
      buffers.costs.learn(buffers.histogram, plan.header_nbits);
      buffers.path.find(maps, start, stop, buffers.costs, far, plan.all_lengths, buffers.parse);
      count_steps(bytes, buffers.parse.steps(), buffers.histogram);
      plan_block(buffers.histogram, bytes.size(), writer.pending(), buffers.plan);
      if (buffers.plan.nbits >= best_nbits) continue;
      best_nbits = buffers.plan.nbits;
      std::swap(buffers.best_parse, buffers.parse);
      std::swap(buffers.best_plan, buffers.plan);
    }
    const bool last = stop == frame.size();
    if (buffers.best_plan.kind == BlockKind::stored) {
      write_stored(writer, bytes, last);
    } else {
      begin_block(writer, buffers.best_plan, last);
      write_steps(bytes, buffers.best_parse.steps(), buffers.best_plan.used(), writer);
    }
    start = stop;
  } while (start < frame.size());
}

}  // namespace framedeflate
