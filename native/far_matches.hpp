// SPDX-License-Identifier: Apache-2.0
// Matches at any other distance, for the levels that have time. A far match costs some 12 bits more than its
// length, so short ones never pay, and chains of places that share three bytes are long and full of them. So
// there are two chains: of equal hashes of five bytes and of twelve, searched one after the other. Measured
// on nuclei at the same depth: 3 % smaller than with a hash of three bytes. Places inside long run or row
// matches are left out. Worth 3 to 5 % on dense frames, nothing on sparse ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framedeflate {

struct FarMatch {
  std::uint16_t length, distance;
  std::uint16_t symbol;  // of the distance
};

class FarMatches {
 public:
  // Looks at up to `depth` earlier places on the long chain for each byte and a quarter of that on the short
  // one; leaves out distances 1 and `row`, and places where a match at one of those is `enough` bytes long.
  void find(std::span<const std::uint8_t> frame, std::size_t row, const std::uint64_t* run_map,
            const std::uint64_t* row_map, std::size_t depth, std::size_t enough);

  // Those that start at byte i, each longer than the one before.
  [[nodiscard]] std::span<const FarMatch> at(std::size_t i) const noexcept {
    return {matches_.data() + first_[i], first_[i + 1] - first_[i]};
  }
  [[nodiscard]] bool empty() const noexcept { return matches_.empty(); }

 private:
  std::vector<FarMatch> matches_;
  std::vector<std::uint32_t> first_;
  struct Chain {
    std::vector<std::int32_t> head, previous;
  };
  Chain short_, long_;
};

}  // namespace framedeflate
