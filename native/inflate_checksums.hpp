// SPDX-License-Identifier: Apache-2.0
// Fragments to the checksums of their native Frames. Each is inflated into a small buffer and summed there
// while it is in the cache, so that the Frames of a batch are never all in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "inflate.hpp"

namespace framedeflate {

// Both 0 for a Fragment with a defect.
struct FrameChecksums {
  std::uint32_t adler32 = 0;
  std::uint32_t crc32 = 0;
};

struct InflatedChecksums {
  std::vector<Inflated> results;
  std::vector<FrameChecksums> checksums;
};

[[nodiscard]] InflatedChecksums inflate_checksums(std::span<const std::span<const std::uint8_t>> fragments,
                                                  std::size_t frame_nbytes, unsigned threads);

}  // namespace framedeflate
