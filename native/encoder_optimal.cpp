// SPDX-License-Identifier: Apache-2.0
// Levels 2 to 9: shortest-path parses whose costs come from the parse before, the smallest kept.
#include <algorithm>

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
};

constexpr std::int32_t kHeaderBits = 10;  // what another symbol costs in the header, with its gap

constexpr LevelPlan level_plan(int level) {
  switch (level) {
    case 2:
      return {1, 0, 0, 1, 0, false, 0};
    case 3:
      return {2, 0, 0, 1, 0, false, 0};
    case 4:
      return {2, 1, 2, 64, 16, false, 0};
    case 5:
      return {2, 2, 3, 64, 24, false, 1};
    case 6:
      return {2, 2, 6, 64, 32, false, 1};
    case 7:
      return {2, 3, 24, 96, 48, false, 2};
    case 8:
      return {2, 4, 48, 128, 64, true, 2};
    default:
      return {3, 8, 160, 256, 128, true, 3};
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
    for (unsigned round = 0; round < rounds; ++round) {
      buffers_.costs.learn(histogram, kHeaderBits);
      buffers_.path.find(maps_, start_, stop_, buffers_.costs, far, level_.all_lengths, buffers_.parse);
      count_steps(bytes, buffers_.parse.steps(), histogram);
      plan_block(histogram, bytes.size(), pending_, buffers_.plan);
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
      histogram.distance[symbol] += 16 + nmatches / 32;
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

}  // namespace

void deflate_optimal(std::span<const std::uint8_t> frame, std::size_t row, int level,
                     EncoderScratch::Buffers& buffers, BitWriter& writer) {
  const LevelPlan plan = level_plan(level);
  const FrameMaps maps = {frame, buffers.run_map.data(), buffers.row_map.data(), row};
  bool have_far = false;
  std::size_t start = 0;
  do {
    const std::size_t stop = std::min(frame.size(), start + kSegmentBytes);
    const auto bytes = frame.subspan(start, stop - start);
    fast_histogram(frame.first(stop), start, row, buffers, buffers.histogram);
    BlockSearch search(maps, start, stop, plan, writer.pending(), buffers);
    search.improve(buffers.histogram, plan.near_rounds, nullptr);
    // On sparse frames the symbols of far distances cost more in the header than their matches save, and a
    // texture has nothing that repeats.
    if (plan.far_rounds != 0 && search.nbits() / 8 > bytes.size() / plan.far_from &&
        search.nliterals() < bytes.size() / 2) {
      if (!have_far)
        buffers.far.find(frame, row, maps.run_map, maps.row_map, plan.far_depth, plan.far_enough);
      have_far = true;
      search.improve(search.hopeful(), plan.far_rounds, &buffers.far);
    }
    if (plan.code_rounds != 0) {
      plan_block_with_care(search.best(), bytes.size(), writer.pending(), plan.code_rounds,
                           buffers.best_plan);
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
