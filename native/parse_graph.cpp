// SPDX-License-Identifier: Apache-2.0
#include "parse_graph.hpp"

#include <algorithm>
#include <bit>

#include "equality_map.hpp"

namespace framedeflate {
namespace {

// Where a match starts within the next so many bytes, literals up to there are tried whatever else there is.
constexpr std::uint64_t kSoon = 0x1E;  // bits 1 to 4

// Ones before bit i, looked for no further than 63.
std::uint8_t ones_before(const std::uint64_t* map, std::size_t i) noexcept {
  const std::size_t word = i >> 6, shift = i & 63;
  const std::uint64_t before = word == 0 ? 0 : map[word - 1];
  const std::uint64_t last = shift == 0 ? before : map[word] << (64 - shift) | before >> shift;
  return static_cast<std::uint8_t>(std::min(std::countl_one(last), 63));
}

}  // namespace

template <bool kFar>
void ParseGraph::walk(const FrameMaps& maps, std::size_t start, const GraphRules& rules,
                      const FarMatches* far) {
  const std::size_t nbytes = bytes_.size();
  Node* out = buffer_.data();
  std::uint64_t* const reached = reached_.data();
  const auto reach = [reached](std::size_t place) {
    reached[place >> 6] |= std::uint64_t{1} << (place & 63);
  };
  std::size_t next_far = 0;
  auto found = kFar ? far->places().begin() : std::span<const FarMatches::Place>::iterator();
  const auto found_end = kFar ? far->places().end() : found;
  reach(0);
  for (std::size_t word = 0; 64 * word < nbytes; ++word) {
    // What a node reaches may lie in the same word, which is kept apart lest each node wait for a store.
    std::uint64_t here = reached[word];
    for (std::uint64_t left = here; left != 0;) {
      const auto bit = static_cast<unsigned>(std::countr_zero(left));
      const std::size_t place = 64 * word + bit, at = start + place,
                        room = std::min(nbytes - place, kMaxMatch);
      if (room == 0) break;
      const std::uint64_t run_bits = map_window(maps.run_map, at), row_bits = map_window(maps.row_map, at);
      auto run = static_cast<std::size_t>(std::countr_one(run_bits));
      auto row = static_cast<std::size_t>(std::countr_one(row_bits));
      if (std::max(run, row) >= kMapWindow) {
        run = run_length(maps.run_map, at, room);
        row = run == room ? 0 : run_length(maps.row_map, at, room);
      }
      run = run < kMinMatch ? 0 : std::min(run, room);
      // Where a run reaches as far, a row match costs more and gains nothing.
      row = std::min(row, room);
      row = row < kMinMatch || row <= run ? 0 : row;
      const std::size_t longest = std::max(run, row);
      const std::size_t first_far = next_far;
      if (kFar && found != found_end && found->at == at) {
        ++found;
        const std::size_t stop_far = found != found_end ? found->first : far_.size();
        for (; next_far < stop_far; ++next_far) {
          const std::size_t length = std::min<std::size_t>(far_[next_far].length, room);
          reach(place + length);
          if (bit + length < 64) here |= std::uint64_t{1} << (bit + length);
        }
      }
      const std::uint64_t starts = (run_bits & ~(run_bits << 1)) | (row_bits & ~(row_bits << 1));
      const bool literal = bool(unsigned{longest < rules.literal_below} | unsigned{(starts & kSoon) != 0});
      const std::size_t run_to = bit + run, row_to = bit + row, literal_to = bit + std::size_t{literal};
      here |= std::uint64_t{run_to < 64} << (run_to & 63) | std::uint64_t{row_to < 64} << (row_to & 63) |
              std::uint64_t{literal_to < 64} << (literal_to & 63);
      reach(place + run);
      reach(place + row);
      reach(place + std::size_t{literal});
      index_[place] = static_cast<std::uint32_t>(out - buffer_.data());
      *out++ = {static_cast<std::uint32_t>(place),
                static_cast<std::uint32_t>(first_far),
                static_cast<std::uint16_t>(run),
                static_cast<std::uint16_t>(row),
                maps.frame[at],
                literal,
                0,
                0};
      left = here & (~std::uint64_t{1} << bit);
    }
    reached[word] |= here;
  }
  index_[nbytes] = static_cast<std::uint32_t>(out - buffer_.data());
  *out++ = {
      static_cast<std::uint32_t>(nbytes), static_cast<std::uint32_t>(far_.size()), 0, 0, 0, false, 0, 0};
  nnodes_ = static_cast<std::size_t>(out - buffer_.data());
}

void ParseGraph::build(const FrameMaps& maps, std::size_t start, std::size_t stop, const GraphRules& rules,
                       const FarMatches* far) {
  bytes_ = maps.frame.subspan(start, stop - start);
  run_ = maps.run;
  row_ = maps.row;
  far_ = far != nullptr ? far->matches() : std::span<const FarMatch>();
  reached_.assign(bytes_.size() / 64 + 2, 0);
  if (buffer_.size() < bytes_.size() + 1) {
    buffer_.resize(bytes_.size() + 1);
    index_.resize(bytes_.size() + 1);
  }
  if (far != nullptr) {
    walk<true>(maps, start, rules, far);
  } else {
    walk<false>(maps, start, rules, nullptr);
  }
  if (!rules.seams) return;
  for (Node& node : std::span(buffer_).first(nnodes_)) {
    node.run_back = ones_before(maps.run_map, start + node.place);
    node.row_back = ones_before(maps.row_map, start + node.place);
  }
}

}  // namespace framedeflate
