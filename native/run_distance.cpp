// SPDX-License-Identifier: Apache-2.0
#include "run_distance.hpp"

#include <algorithm>
#include <array>

#include "equality_map.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kLargestSample = 4;          // bytes
constexpr std::size_t kFirstLook = 4, kLook = 16;  // words
constexpr std::size_t kMostWords = 512;            // are passed over to find them

// Where eight ones begin.
constexpr std::uint64_t eights(std::uint64_t map) noexcept {
  const std::uint64_t twos = map & map >> 1, fours = twos & twos >> 2;
  return fours & fours >> 4;
}

// Whether any eight bytes in a row, of the 64 at `at`, equal those at `distance` before them, but not those
// one before; `run` is the word of the map at distance 1.
bool repeats_at(const std::uint8_t* at, std::size_t distance, std::uint64_t run) noexcept {
  return (eights(equal_64(at, at - distance)) & ~eights(run)) != 0;
}

}  // namespace

std::size_t run_distance(std::span<const std::uint8_t> frame, const std::uint64_t* run_map) noexcept {
  const std::size_t nwords = frame.size() / 64;
  // Odd, as an even number of words may be a row.
  const std::size_t step = nwords / kMostWords * 2 + 1;
  std::array<std::size_t, kLargestSample + 1> helped{};
  std::size_t looked = 0;
  for (std::size_t word = 1; word < nwords && looked < kLook; word += step) {
    const std::uint64_t run = run_map[word];
    if (~run == 0) continue;
    ++looked;
    for (std::size_t distance = 2; distance <= kLargestSample; ++distance) {
      helped[distance] += repeats_at(frame.data() + 64 * word, distance, run);
    }
    if (looked == kFirstLook && helped == decltype(helped){}) return 1;
  }
  const auto best = std::max_element(helped.begin(), helped.end());
  return 2 * *best > looked ? static_cast<std::size_t>(best - helped.begin()) : 1;
}

}  // namespace framedeflate
