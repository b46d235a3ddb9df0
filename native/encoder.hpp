// SPDX-License-Identifier: Apache-2.0
// A frame of native bytes to one raw DEFLATE stream (RFC 1951).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace framedeflate {

// What one worker keeps from frame to frame so that nothing is allocated inside the loop. It carries memory,
// never content: the stream of a frame depends on its bytes, row_nbits and level alone. (The stream of a
// uniform frame is kept with the size and value it was made for; it is the one that would be made again.)
class EncoderScratch {
 public:
  EncoderScratch();
  ~EncoderScratch();
  EncoderScratch(EncoderScratch&&) noexcept;
  EncoderScratch& operator=(EncoderScratch&&) noexcept;

  struct Buffers;
  [[nodiscard]] Buffers& buffers() noexcept { return *buffers_; }

 private:
  std::unique_ptr<Buffers> buffers_;
};

// The size that `out` must have for a frame of nbytes: all of it in stored blocks, and room for whole words
// to be stored at the end.
[[nodiscard]] std::size_t deflate_bound(std::size_t nbytes) noexcept;

// Writes the stream for `frame` into `out` (at least deflate_bound bytes) and returns its size. `row_nbits`
// is the distance in bits at which the frame repeats itself (one image row); any value is correct, the true
// one is small. `level` runs from 1 (fastest) to 9 (smallest).
std::size_t deflate_frame(std::span<const std::uint8_t> frame, std::size_t row_nbits, int level,
                          EncoderScratch& scratch, std::span<std::uint8_t> out);

// Whether a general match search (libdeflate, at its level that goes with ours) serves this frame better than
// the row and run matches used here: CT, MR, RGB and fractional frames. Looks at a bounded sample of the
// frame.
[[nodiscard]] bool looks_photographic(std::span<const std::uint8_t> frame, std::size_t row_nbits,
                                      int level = 1) noexcept;

}  // namespace framedeflate
