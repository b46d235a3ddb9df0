// SPDX-License-Identifier: Apache-2.0
// Which frames are not for this encoder. A general match search wins where the bytes that neither a run nor
// the row above explains use a wide alphabet: the samples of CT, MR, colour and fractional frames. Edges,
// nuclei and even noise of single-bit frames use few byte values much more often than the rest. The width is
// taken as the inverse of the chance that two such bytes are equal, at even and odd positions apart, since
// 16-bit samples are wide in their low byte alone. Measured: at most 20 on single-bit frames and label maps,
// at least 50 on fractional frames, CT and RGB. A few hundred words of 64 bytes are looked at.
#include <algorithm>
#include <array>
#include <bit>

#include "encoder.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

constexpr std::uint64_t kWide = 40;    // effective number of values that counts as photographic
constexpr std::uint64_t kEnough = 40;  // fewer unexplained bytes say nothing
constexpr std::size_t kSampleWords = 512;

// The bits that lie in three or more ones together, taking ones beyond either end for granted.
std::uint64_t in_runs(std::uint64_t map) noexcept {
  const std::uint64_t after = map >> 1 | std::uint64_t{1} << 63, after2 = map >> 2 | std::uint64_t{3} << 62;
  const std::uint64_t starts = map & after & after2;
  return starts | starts << 1 | starts << 2 | (map & 1) | (map & map << 1 & 2);
}

}  // namespace

bool looks_photographic(std::span<const std::uint8_t> frame, std::size_t row_nbits) noexcept {
  const std::size_t row = std::max<std::size_t>(2, row_nbits / 8);
  if (frame.size() < row + 128) return false;
  const std::size_t nwords = (frame.size() - row) / 64;
  const std::size_t sampled = std::min({nwords, kSampleWords, std::max<std::size_t>(128, nwords / 16)});
  std::array<std::array<std::uint32_t, 256>, 2> counts{};
  // Of each half: how many there are, and how many ordered pairs of them are equal.
  std::array<std::uint64_t, 2> total{}, pairs{};
  std::uint64_t unexplained = 0, alternating = 0;
  std::size_t stop = 0, left_over = 0;
  for (std::size_t k = 0; k < sampled; ++k) {
    // Not at even steps, which would look at the same columns of every row.
    const std::size_t from = stop;
    left_over += nwords % sampled;
    stop += nwords / sampled + (left_over >= sampled);
    left_over -= left_over >= sampled ? sampled : 0;
    const std::uint8_t* at =
        frame.data() + row +
        (from + static_cast<std::uint32_t>(k) * 37U % static_cast<std::uint32_t>(stop - from)) * 64;
    const std::uint64_t run = equal_64(at, at - 1);
    if (run == ~std::uint64_t{0}) continue;
    std::uint64_t left = ~(in_runs(run) | in_runs(equal_64(at, at - row)));
    if (left == 0) continue;
    unexplained += static_cast<std::uint64_t>(std::popcount(left));
    alternating += static_cast<std::uint64_t>(std::popcount(left & in_runs(equal_64(at, at - 2))));
    for (; left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      ++total[i & 1];
      pairs[i & 1] += 2 * std::uint64_t{counts[i & 1][at[i]]++};
    }
  }
  for (std::size_t half = 0; half < 2; ++half) {
    if (total[half] >= kEnough && total[half] * (total[half] - 1) > kWide * pairs[half]) return true;
  }
  // Samples of two bytes that stay the same: runs at distance 2, in a frame that is not mostly background.
  return unexplained * 16 > sampled * 64 && alternating * 2 > unexplained;
}

}  // namespace framedeflate
