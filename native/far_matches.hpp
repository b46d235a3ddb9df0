// SPDX-License-Identifier: Apache-2.0
// Matches at any other distance, for the levels that have time. Places that share four bytes hang in a binary
// tree ordered by what follows, the latest at its root: one way down finds the nearest match of every length
// and hangs the new place in. Chains of equal hashes, of five and of twelve bytes, had to be followed for
// hundreds of places to find as much. Places deep in runs are left out. Worth 3 to 5 % on dense frames,
// nothing on sparse ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "block.hpp"

namespace framedeflate {

struct FarMatch {
  std::uint16_t length, distance;  // 32768 fits
  std::uint16_t symbol;            // of the distance
};

class FarMatches {
 public:
  // For a frame from its start. Goes at most `depth` places down a tree; leaves out distances `run` and
  // `row`.
  void begin(std::span<const std::uint8_t> frame, const std::uint64_t* run_map, std::size_t run,
             std::size_t row, std::size_t depth);

  // Forgets what was found; the trees stay.
  void clear();
  // Looks for matches of more than `least` and up to `most` bytes at byte i; bytes are asked for in rising
  // order.
  void find(std::size_t i, std::size_t least, std::size_t most);

  // What was found at a byte: matches from `first` on up to that of the next place, each longer than the one
  // before.
  struct Place {
    std::size_t at, first;
  };
  [[nodiscard]] std::span<const Place> places() const noexcept { return places_; }
  [[nodiscard]] std::span<const FarMatch> matches() const noexcept { return matches_; }

 private:
  void insert_up_to(std::size_t i);
  template <bool kKeep>
  void descend(std::size_t i, std::size_t best, std::size_t most);

  struct Children {
    std::int32_t smaller, larger;
  };
  std::span<const std::uint8_t> frame_;
  const std::uint64_t* run_map_ = nullptr;
  std::size_t run_ = 1, row_ = 0, depth_ = 0, next_ = 0;  // places before next_ are in the trees
  unsigned hash_shift_ = 0;
  std::vector<std::int32_t> roots_;  // by hash
  std::vector<Children> children_;   // by place within the window
  std::vector<FarMatch> matches_;
  std::vector<Place> places_;
};

}  // namespace framedeflate
