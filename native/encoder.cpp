// SPDX-License-Identifier: Apache-2.0
// From a frame and a level to the parts that do the work: uniform frames are copied, the others mapped and
// parsed.
#include "encoder.hpp"

#include <algorithm>
#include <cstring>

#include "encoder_parts.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t stored_nbytes(std::size_t nbytes) noexcept {
  return nbytes + 5 * std::max<std::size_t>(1, (nbytes + 65534) / 65535);
}

}  // namespace

EncoderScratch::EncoderScratch() : buffers_(std::make_unique<Buffers>()) {}
EncoderScratch::~EncoderScratch() = default;
EncoderScratch::EncoderScratch(EncoderScratch&&) noexcept = default;
EncoderScratch& EncoderScratch::operator=(EncoderScratch&&) noexcept = default;

std::size_t deflate_bound(std::size_t nbytes) noexcept {
  // Blocks hold at least 32768 bytes or are the last; each may begin in the middle of a byte; words are
  // stored whole.
  return nbytes + 6 * (nbytes / 32768 + 2) + 16;
}

std::size_t row_distance(std::span<const std::uint8_t> frame, std::size_t row_nbits) noexcept {
  const std::size_t row = row_nbits / 8;
  return row >= 2 && row < frame.size() && row <= kWindow ? row : 0;
}

bool map_frame(std::span<const std::uint8_t> frame, std::size_t row, EncoderScratch::Buffers& buffers) {
  const std::size_t nwords = map_nwords(frame.size());
  if (buffers.run_map.size() < nwords) {
    buffers.run_map.resize(nwords);
    buffers.row_map.resize(nwords);
  }
  if (row != 0) return map_run_and_row(frame, row, buffers.run_map.data(), buffers.row_map.data());
  map_equal(frame, 1, buffers.run_map.data());
  std::fill_n(buffers.row_map.data(), nwords, 0);
  return false;
}

std::size_t deflate_frame(std::span<const std::uint8_t> frame, std::size_t row_nbits, int level,
                          EncoderScratch& scratch, std::span<std::uint8_t> out) {
  EncoderScratch::Buffers& buffers = scratch.buffers();
  const std::size_t row = row_distance(frame, row_nbits);
  const bool uniform = map_frame(frame, row, buffers);
  if (uniform && buffers.uniform_nbytes == frame.size() && buffers.uniform_value == frame[0] &&
      buffers.uniform_level == level) {
    std::memcpy(out.data(), buffers.uniform_stream.data(), buffers.uniform_stream.size());
    return buffers.uniform_stream.size();
  }
  BitWriter writer(out.data());
  if (level <= 1) {
    deflate_fast(frame, row, buffers, writer);
  } else {
    deflate_optimal(frame, row, level, buffers, writer);
  }
  writer.align_to_byte();
  if (writer.nbytes() > stored_nbytes(frame.size())) {
    writer = BitWriter(out.data());
    write_stored(writer, frame, true);
  }
  if (uniform) {
    buffers.uniform_stream.assign(out.data(), out.data() + writer.nbytes());
    buffers.uniform_nbytes = frame.size();
    buffers.uniform_value = frame[0];
    buffers.uniform_level = level;
  }
  return writer.nbytes();
}

}  // namespace framedeflate
