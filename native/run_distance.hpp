// SPDX-License-Identifier: Apache-2.0
// At which distance a frame's runs repeat: 1 for bytes and bits, the size of a sample where samples of two to
// four bytes stay the same, as in 16-bit label maps. There a run at distance 1 ends with every sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

// `run_map` is the map at distance 1. Looks at a few words that it does not explain.
[[nodiscard]] std::size_t run_distance(std::span<const std::uint8_t> frame,
                                       const std::uint64_t* run_map) noexcept;

}  // namespace framedeflate
