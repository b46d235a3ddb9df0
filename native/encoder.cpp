// SPDX-License-Identifier: Apache-2.0
// From a frame and a level to the parts that do the work: uniform frames are copied, the others mapped and
// parsed.
#include "encoder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

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

RowDistances row_distances(std::size_t nbytes, std::size_t row_nbits) noexcept {
  const auto usable = [nbytes](std::size_t distance) {
    return distance >= 2 && distance < nbytes && distance <= kWindow ? distance : 0;
  };
  const std::size_t whole = usable(row_nbits / std::gcd(row_nbits, std::size_t{8}));
  const std::size_t near = usable((row_nbits + 4) / 8);
  const std::size_t off = row_nbits % 8;
  if (off == 0 || whole == 0) return {near, 0};
  return {whole, off == 1 || off == 7 ? near : 0};
}

bool map_frame(std::span<const std::uint8_t> frame, std::size_t row_nbits, EncoderScratch::Buffers& buffers) {
  const std::size_t nwords = map_nwords(frame.size());
  // All of one size, as two of them may change places.
  if (buffers.run_map.size() < nwords) buffers.run_map.resize(nwords);
  buffers.row_map.resize(buffers.run_map.size());
  std::uint64_t* const run_map = buffers.run_map.data();
  std::uint64_t* const row_map = buffers.row_map.data();
  const RowDistances rows = row_distances(frame.size(), row_nbits);
  buffers.row = rows.first;
  if (rows.first == 0) {
    map_equal(frame, 1, run_map);
    std::fill_n(row_map, nwords, 0);
    return false;
  }
  const bool uniform = map_run_and_row(frame, rows.first, run_map, row_map);
  if (uniform || rows.second == 0) return uniform;
  // The distance whose matches explain more bytes that no run does.
  buffers.other_row_map.resize(buffers.run_map.size());
  map_equal(frame, rows.second, buffers.other_row_map.data());
  const auto explained = [&](const std::uint64_t* map) {
    std::size_t count = 0;
    for (std::size_t word = 0; word + 1 < nwords; ++word) {
      const std::uint64_t row = map[word], pairs = row & row >> 1;
      count += static_cast<std::size_t>(std::popcount(pairs & pairs >> 2 & ~run_map[word]));
    }
    return count;
  };
  if (explained(buffers.other_row_map.data()) > explained(row_map)) {
    std::swap(buffers.row_map, buffers.other_row_map);
    buffers.row = rows.second;
  }
  return false;
}

std::size_t deflate_frame(std::span<const std::uint8_t> frame, std::size_t row_nbits, int level,
                          EncoderScratch& scratch, std::span<std::uint8_t> out) {
  EncoderScratch::Buffers& buffers = scratch.buffers();
  const bool uniform = map_frame(frame, row_nbits, buffers);
  if (uniform && buffers.uniform_nbytes == frame.size() && buffers.uniform_value == frame[0] &&
      buffers.uniform_level == level) {
    std::memcpy(out.data(), buffers.uniform_stream.data(), buffers.uniform_stream.size());
    return buffers.uniform_stream.size();
  }
  BitWriter writer(out.data());
  if (level <= 1) {
    deflate_fast(frame, buffers.row, buffers, writer);
  } else {
    deflate_optimal(frame, buffers.row, level, buffers, writer);
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
