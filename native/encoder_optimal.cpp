// SPDX-License-Identifier: Apache-2.0
#include "encoder_parts.hpp"

namespace framedeflate {

void deflate_optimal(std::span<const std::uint8_t> frame, std::size_t row, int,
                     EncoderScratch::Buffers& buffers, BitWriter& writer) {
  deflate_fast(frame, row, buffers, writer);
}

}  // namespace framedeflate
