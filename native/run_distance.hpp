// SPDX-License-Identifier: Apache-2.0
// At which distance a frame's runs repeat: 1 for bytes and bits, the size of a sample where samples of two to
// four bytes stay the same, as in 16-bit label maps. There a run at distance 1 ends with every sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// The size of a sample in bytes, at most.
inline constexpr std::size_t kLargestSample = 4;

// Whether any eight bytes in a row, of the 64 at `at`, equal those at `distance` before them, but not those
// one before; `run` is the word of the map at distance 1.
[[nodiscard]] bool repeats_at(const std::uint8_t* at, std::size_t distance, std::uint64_t run) noexcept;

// `run_map` is the map at distance 1. Looks at a few words that it does not explain.
[[nodiscard]] std::size_t run_distance(std::span<const std::uint8_t> frame,
                                       const std::uint64_t* run_map) noexcept;

}  // namespace framedeflate
