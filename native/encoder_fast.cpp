// SPDX-License-Identifier: Apache-2.0
// Level 1: one greedy pass over the two bitmaps.
#include <algorithm>
#include <bit>

#include "encoder_parts.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

// A token is a run of literals, then `repeats` matches of 258, then a match of `length` (0: none), the
// matches all at one distance. 20 bits of literals and repeats bound a block.
constexpr std::size_t kBlockTokens = 1 << 15;
constexpr std::size_t kBlockBytes = 1 << 20;

constexpr std::uint64_t make_token(std::size_t literals, std::size_t repeats, std::size_t length, bool row) {
  return literals | repeats << 24 | std::uint64_t{length} << 48 | std::uint64_t{row} << 63;
}
constexpr std::size_t token_literals(std::uint64_t token) { return token & 0xFFFFFF; }
constexpr std::size_t token_repeats(std::uint64_t token) { return token >> 24 & 0xFFFFFF; }
constexpr std::size_t token_length(std::uint64_t token) { return token >> 48 & 0x1FF; }
constexpr bool token_row(std::uint64_t token) { return token >> 63 != 0; }

struct Block {
  std::size_t start, stop, ntokens;
};

// Fills tokens and histogram from `start` on, until the frame ends or the block is full.
Block parse(std::span<const std::uint8_t> frame, std::size_t start, const std::uint64_t* run_map,
            const std::uint64_t* row_map, std::size_t row_symbol, std::uint64_t* tokens,
            Histogram& histogram) {
  const std::size_t stop = std::min(frame.size(), start + kBlockBytes);
  const std::uint8_t* data = frame.data();
  std::size_t ntokens = 0, i = start, literals_from = start;
  while (i < stop && ntokens + 1 < kBlockTokens) {
    std::uint64_t run = map_window(run_map, i), row = map_window(row_map, i);
    const std::uint64_t starts = (run & run >> 1 & run >> 2) | (row & row >> 1 & row >> 2);
    if (starts == 0) {
      i += 62;
      continue;
    }
    const auto skip = static_cast<unsigned>(std::countr_zero(starts));
    i += skip;
    if (i >= stop) break;
    run >>= skip;
    row >>= skip;
    std::size_t run_nbytes = static_cast<std::size_t>(std::countr_one(run));
    std::size_t row_nbytes = static_cast<std::size_t>(std::countr_one(row));
    if (std::max(run_nbytes, row_nbytes) + skip >= 64) {
      run_nbytes = run_length(run_map, i, stop - i);
      row_nbytes = run_nbytes == stop - i ? 0 : run_length(row_map, i, stop - i);
    }
    run_nbytes = std::min(run_nbytes, stop - i);
    row_nbytes = std::min(row_nbytes, stop - i);
    const bool use_row = row_nbytes > run_nbytes;
    std::size_t length = use_row ? row_nbytes : run_nbytes;
    if (length < kMinMatch) {
      ++i;
      continue;
    }
    for (std::size_t j = literals_from; j < i; ++j) ++histogram.litlen[data[j]];
    std::size_t repeats = 0;
    std::size_t last = length;
    if (length > kMaxMatch) {
      repeats = length / kMaxMatch;
      last = length % kMaxMatch;
      if (last < kMinMatch) {
        length -= last;
        last = 0;
      }
      histogram.litlen[285] += static_cast<std::uint32_t>(repeats);
      histogram.distance[use_row ? row_symbol : 0] += static_cast<std::uint32_t>(repeats);
    }
    if (last != 0) {
      ++histogram.litlen[kLengthCodes[last].symbol];
      ++histogram.distance[use_row ? row_symbol : 0];
    }
    tokens[ntokens++] = make_token(i - literals_from, repeats, last, use_row);
    i += length;
    literals_from = i;
  }
  if (i < stop) {
    return {start, i, ntokens};
  }
  for (std::size_t j = literals_from; j < stop; ++j) ++histogram.litlen[data[j]];
  tokens[ntokens++] = make_token(stop - literals_from, 0, 0, false);
  return {start, stop, ntokens};
}

struct Bits {
  std::uint64_t bits;
  unsigned count;
};

void write_tokens(const std::uint8_t* at, std::span<const std::uint64_t> tokens, const BlockCode& code,
                  std::size_t row, BitWriter& writer) {
  const DistanceCode row_code = distance_code(row == 0 ? 1 : row);
  const std::array<Bits, 2> distances = {
      Bits{code.distance_codes[0], code.distance_lengths[0]},
      Bits{code.distance_codes[row_code.symbol] | std::uint64_t{row - row_code.base}
                                                      << code.distance_lengths[row_code.symbol],
           code.distance_lengths[row_code.symbol] + unsigned{row_code.extra_nbits}}};
  for (const std::uint64_t token : tokens) {
    std::size_t literals = token_literals(token);
    while (literals >= 3) {
      writer.put(code.litlen_codes[at[0]], code.litlen_lengths[at[0]]);
      writer.put(code.litlen_codes[at[1]], code.litlen_lengths[at[1]]);
      writer.put_and_flush(code.litlen_codes[at[2]], code.litlen_lengths[at[2]]);
      at += 3;
      literals -= 3;
    }
    for (; literals > 0; --literals, ++at) writer.put(code.litlen_codes[*at], code.litlen_lengths[*at]);
    writer.flush();
    const Bits distance = distances[token_row(token)];
    std::size_t repeats = token_repeats(token);
    if (repeats != 0) {
      at += repeats * kMaxMatch;
      Bits one = {code.litlen_codes[285], code.litlen_lengths[285]};
      one.bits |= distance.bits << one.count;
      one.count += distance.count;
      Bits many = one;
      std::size_t factor = 1;
      while (many.count * 2 <= 56) {
        many.bits |= many.bits << many.count;
        many.count *= 2;
        factor *= 2;
      }
      for (; repeats >= factor; repeats -= factor) writer.put_and_flush(many.bits, many.count);
      for (; repeats > 0; --repeats) writer.put_and_flush(one.bits, one.count);
    }
    if (const std::size_t length = token_length(token); length != 0) {
      const LengthCode symbol = kLengthCodes[length];
      writer.put(code.litlen_codes[symbol.symbol], code.litlen_lengths[symbol.symbol]);
      writer.put(length - symbol.base, symbol.extra_nbits);
      writer.put_and_flush(distance.bits, distance.count);
      at += length;
    }
  }
  writer.put_and_flush(code.litlen_codes[kEndOfBlock], code.litlen_lengths[kEndOfBlock]);
}

}  // namespace

void deflate_fast(std::span<const std::uint8_t> frame, std::size_t row, EncoderScratch::Buffers& buffers,
                  BitWriter& writer) {
  buffers.fast_tokens.resize(kBlockTokens);
  const std::size_t row_symbol = row == 0 ? 0 : distance_code(row).symbol;
  std::size_t start = 0;
  do {
    buffers.histogram = {};
    const Block block = parse(frame, start, buffers.run_map.data(), buffers.row_map.data(), row_symbol,
                              buffers.fast_tokens.data(), buffers.histogram);
    const auto bytes = frame.subspan(block.start, block.stop - block.start);
    const bool last = block.stop == frame.size();
    plan_block(buffers.histogram, bytes.size(), writer.pending(), buffers.plan);
    if (buffers.plan.kind == BlockKind::stored) {
      write_stored(writer, bytes, last);
    } else {
      begin_block(writer, buffers.plan, last);
      write_tokens(bytes.data(), {buffers.fast_tokens.data(), block.ntokens}, buffers.plan.used(), row,
                   writer);
    }
    start = block.stop;
  } while (start < frame.size());
}

}  // namespace framedeflate
