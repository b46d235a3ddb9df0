// SPDX-License-Identifier: Apache-2.0
#include "inflate_checksums.hpp"

#include "batch.hpp"
#include "checksum.hpp"

namespace framedeflate {

InflatedChecksums inflate_checksums(std::span<const std::span<const std::uint8_t>> fragments,
                                    std::size_t frame_nbytes, unsigned threads) {
  const unsigned workers = worker_count(fragments.size(), frame_nbytes, threads);
  InflatedChecksums found;
  found.results.resize(fragments.size());
  found.checksums.resize(fragments.size());
  std::vector<std::vector<std::uint8_t>> frames(workers);
  for_each_range(fragments.size(), frame_nbytes, workers,
                 [&](unsigned worker, std::size_t first, std::size_t last) {
                   std::vector<std::uint8_t>& frame = frames[worker];
                   frame.resize(frame_nbytes);
                   for (std::size_t i = first; i < last; ++i) {
                     found.results[i] = inflate_exact(fragments[i], frame);
                     if (found.results[i].defect != Defect::none) continue;
                     found.checksums[i] = {.adler32 = adler32(frame), .crc32 = crc32(frame)};
                   }
                 });
  return found;
}

}  // namespace framedeflate
