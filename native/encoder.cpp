// SPDX-License-Identifier: Apache-2.0
// From a frame and a level to the parts that do the work: uniform frames are copied, the others mapped and
// parsed.
#include "encoder.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "encoder_parts.hpp"
#include "equality_map.hpp"
#include "run_distance.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t stored_nbytes(std::size_t nbytes) noexcept {
  return nbytes + 5 * std::max<std::size_t>(1, (nbytes + 65534) / 65535);
}

// std::popcount without the call that it is where the instruction may be missing.
constexpr std::int64_t bit_count(std::uint64_t bits) noexcept {
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F;
  return static_cast<std::int64_t>(bits * 0x0101010101010101 >> 56);
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
  if (row_nbits > 8 * kWindow) return {0, 0};
  const auto nearest = [&](std::size_t nrows) { return usable((nrows * row_nbits + 4) / 8); };
  const std::size_t whole = usable(row_nbits / std::gcd(row_nbits, std::size_t{8}));
  if (whole == 0) return {nearest(1), 0};
  switch (row_nbits % 8) {
    case 1:
    case 7:
      return {whole, nearest(1)};
    case 3:
    case 5:
      return {whole, nearest(3)};
    default:
      return {whole, 0};
  }
}

namespace {

// Whether the second distance serves better than the first, whose map is made: twice the bytes that its
// matches have and no run does, less the number of those matches, each of which costs a distance.
bool second_is_better(std::span<const std::uint8_t> frame, std::size_t second, const std::uint64_t* run_map,
                      const std::uint64_t* row_map) {
  constexpr std::size_t kMostWords = 256;
  const std::size_t stop = frame.size() / 64, from = second / 64 + 1;
  const std::size_t step = stop / kMostWords + 1;
  const auto score = [](std::uint64_t row, std::uint64_t run) {
    const std::uint64_t pairs = row & row >> 1, starts = pairs & pairs >> 2, twos = starts | starts << 1;
    const std::uint64_t matched = twos | twos << 2;
    return 2 * bit_count(matched & ~run) - bit_count(matched & ~(matched << 1) & ~std::uint64_t{1});
  };
  std::int64_t balance = 0;
  for (std::size_t word = from; word < stop; word += step) {
    if (~run_map[word] == 0) continue;
    const std::uint8_t* const at = frame.data() + 64 * word;
    balance += score(equal_64(at, at - second), run_map[word]) - score(row_map[word], run_map[word]);
  }
  return balance > 0;
}

}  // namespace

bool map_frame(std::span<const std::uint8_t> frame, std::size_t row_nbits, EncoderScratch::Buffers& buffers) {
  const std::size_t nwords = map_nwords(frame.size());
  if (buffers.run_map.size() < nwords) buffers.run_map.resize(nwords);
  if (buffers.row_map.size() < nwords) buffers.row_map.resize(nwords);
  std::uint64_t* const run_map = buffers.run_map.data();
  std::uint64_t* const row_map = buffers.row_map.data();
  const RowDistances rows = row_distances(frame.size(), row_nbits);
  buffers.row = rows.first;
  buffers.run = 1;
  if (rows.first == 0) {
    map_equal(frame, 1, run_map);
    std::fill_n(row_map, nwords, 0);
    return false;
  }
  const bool uniform = map_run_and_row(frame, rows.first, run_map, row_map);
  if (!uniform && rows.second != 0 && second_is_better(frame, rows.second, run_map, row_map)) {
    map_equal(frame, rows.second, row_map);
    buffers.row = rows.second;
  }
  if (!uniform) buffers.run = run_distance(frame, run_map);
  if (buffers.run != 1) map_equal(frame, buffers.run, run_map);
  return uniform;
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
    deflate_fast(frame, buffers, writer);
  } else {
    deflate_optimal(frame, level, buffers, writer);
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
