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
constexpr std::uint64_t kFirstMatch = std::uint64_t{1} << 24;  // below: literals alone
constexpr std::size_t token_literals(std::uint64_t token) { return token & 0xFFFFFF; }
constexpr std::size_t token_repeats(std::uint64_t token) { return token >> 24 & 0xFFFFFF; }
constexpr std::size_t token_length(std::uint64_t token) { return token >> 48 & 0x1FF; }
constexpr bool token_row(std::uint64_t token) { return token >> 63 != 0; }

struct Block {
  std::size_t start, stop, ntokens;
};

// What a literal is likely to cost in bits: the inside and outside of shapes least, a single edge less than the rest.
constexpr std::array<std::uint8_t, 256> literal_estimates() {
  std::array<std::uint8_t, 256> estimates{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const int edges = std::popcount((byte ^ byte >> 1) & 0x7F);
    estimates[byte] = edges == 0 ? 3 : edges == 1 ? 6 : 8;
  }
  return estimates;
}
constexpr std::array<std::uint8_t, 256> kLiteralEstimates = literal_estimates();
constexpr unsigned kRowMatchEstimate = 12;

// Fills tokens and histogram from `start` on, until the frame ends or the block is full.
Block parse(std::span<const std::uint8_t> frame, std::size_t start, const std::uint64_t* run_map,
            const std::uint64_t* row_map, std::size_t row_symbol, std::uint64_t* tokens, Histogram& histogram) {
  const std::size_t stop = std::min(frame.size(), start + kBlockBytes);
  const std::uint8_t* data = frame.data();
  std::array<std::uint32_t, 2> distance_counts{};
  std::uint32_t* const litlen = histogram.litlen.data();
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
    if (i + kMinMatch > stop) break;
    run >>= skip;
    row >>= skip;
    std::size_t run_nbytes = static_cast<std::size_t>(std::countr_one(run));
    std::size_t row_nbytes = static_cast<std::size_t>(std::countr_one(row));
    // A run that begins with the next byte and reaches as far is cheaper by the extra bits of the row's distance.
    std::size_t later_nbytes = static_cast<std::size_t>(std::countr_one(run >> 1));
    if (std::max({run_nbytes, row_nbytes, later_nbytes + 1}) + skip >= 64) {
      run_nbytes = run_length(run_map, i, stop - i);
      row_nbytes = run_nbytes == stop - i ? 0 : run_length(row_map, i, stop - i);
      later_nbytes = run_nbytes == 0 ? run_length(run_map, i + 1, stop - i - 1) : 0;
    }
    const bool wait = run_nbytes == 0 && later_nbytes >= std::max(kMinMatch, row_nbytes - 1);
    const bool use_row = !wait && row_nbytes > run_nbytes;
    std::size_t length = wait ? later_nbytes : std::max(row_nbytes, run_nbytes);
    i += wait;
    if (use_row && length <= 4) {
      const unsigned literals_cost = kLiteralEstimates[data[i]] + kLiteralEstimates[data[i + 1]] +
                                     kLiteralEstimates[data[i + 2]] + (length == 4 ? kLiteralEstimates[data[i + 3]] : 0U);
      if (literals_cost <= kRowMatchEstimate) {
        i += length;
        continue;
      }
    }
    // Short runs of literals are the rule: three are counted without a branch, as a match of three bytes follows.
    const std::size_t nliterals = i - literals_from;
    const std::uint8_t* at = data + literals_from;
    for (; at + 3 < data + i; ++at) ++litlen[*at];
    const auto left = static_cast<std::size_t>(data + i - at);
    litlen[at[0]] += left > 0;
    litlen[at[1]] += left > 1;
    litlen[at[2]] += left > 2;
    length = std::min(length, stop - i);
    std::size_t repeats = 0, last = length;
    if (length > kMaxMatch) {
      repeats = length / kMaxMatch;
      last = length % kMaxMatch;
      if (last < kMinMatch) {
        length -= last;
        last = 0;
      }
      litlen[285] += static_cast<std::uint32_t>(repeats);
      distance_counts[use_row] += static_cast<std::uint32_t>(repeats);
    }
    if (last >= kMinMatch) {
      ++litlen[kLengthCodes[last].symbol];
      ++distance_counts[use_row];
    } else if (repeats == 0) {
      break;
    }
    tokens[ntokens++] = make_token(nliterals, repeats, last, use_row);
    i += length;
    literals_from = i;
  }
  histogram.distance[0] += distance_counts[0];
  histogram.distance[row_symbol] += distance_counts[1];
  if (literals_from < stop && ntokens + 1 < kBlockTokens) {
    for (std::size_t j = literals_from; j < stop; ++j) ++litlen[data[j]];
    tokens[ntokens++] = make_token(stop - literals_from, 0, 0, false);
    literals_from = stop;
  }
  return {start, literals_from, ntokens};
}

// A code and the extra bits behind it.
struct Bits {
  std::uint64_t bits;
  unsigned count;

  void append(std::uint64_t more, unsigned more_count) {
    bits |= more << count;
    count += more_count;
  }
  void append(std::uint32_t entry) { append(entry & 0xFFFF, entry >> 16); }
};

void write_tokens(const std::uint8_t* at, std::span<const std::uint64_t> tokens, const BlockCode& code,
                  std::size_t row, BitWriter& out) {
  BitWriter writer = out;  // its own copy can stay in registers
  const std::uint32_t* const litlen = code.litlen.entries.data();
  std::array<Bits, 2> distances = {};
  if (code.distance.lengths[0] != 0) distances[0].append(code.distance.entries[0]);
  if (const DistanceCode row_code = distance_code(row); row != 0 && code.distance.lengths[row_code.symbol] != 0) {
    distances[1].append(code.distance.entries[row_code.symbol]);
    distances[1].append(row - row_code.base, row_code.extra_nbits);
  }
  const auto put = [&writer](std::uint32_t entry) { writer.put(entry & 0xFFFF, entry >> 16); };
  for (const std::uint64_t token : tokens) {
    std::size_t literals = token_literals(token);
    for (; literals > 3; literals -= 3, at += 3) {
      put(litlen[at[0]]);
      put(litlen[at[1]]);
      put(litlen[at[2]]);
      writer.flush();
    }
    // The match behind them makes three bytes safe to look at; those that are no literals put nothing.
    if (literals == 0 || token < kFirstMatch) {
      for (; literals > 0; --literals) put(litlen[*at++]);
    } else {
      put(litlen[at[0]]);
      put(literals > 1 ? litlen[at[1]] : 0);
      put(literals > 2 ? litlen[at[2]] : 0);
      at += literals;
    }
    writer.flush();
    const Bits distance = distances[token_row(token)];
    std::size_t repeats = token_repeats(token);
    if (repeats != 0) {
      at += repeats * kMaxMatch;
      Bits one = {};
      one.append(litlen[285]);
      one.append(distance.bits, distance.count);
      Bits many = one;
      std::size_t factor = 1;
      while (many.count * 2 <= 56) {
        many.append(many.bits, many.count);
        factor *= 2;
      }
      for (; repeats >= factor; repeats -= factor) writer.put_and_flush(many.bits, many.count);
      for (; repeats > 0; --repeats) writer.put_and_flush(one.bits, one.count);
    }
    if (const std::size_t length = token_length(token); length != 0) {
      const LengthCode symbol = kLengthCodes[length];
      put(litlen[symbol.symbol]);
      writer.put(length - symbol.base, symbol.extra_nbits);
      writer.put_and_flush(distance.bits, distance.count);
      at += length;
    }
  }
  put(litlen[kEndOfBlock]);
  writer.flush();
  out = writer;
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
