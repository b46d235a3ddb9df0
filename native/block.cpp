// SPDX-License-Identifier: Apache-2.0
#include "block.hpp"

#include <algorithm>

namespace framedeflate {
namespace {

constexpr std::size_t kStoredMost = 65535;

std::size_t stored_nbits(std::size_t nbytes, unsigned pending) {
  const std::size_t nblocks = std::max<std::size_t>(1, (nbytes + kStoredMost - 1) / kStoredMost);
  // The three bits of the first block end in the byte begun or, if less is left of it, in the next.
  const std::size_t first = ((pending + 3 + 7) & ~7U) - pending + 32;
  return first + (nblocks - 1) * 40 + nbytes * 8;
}

}  // namespace

void plan_block(Histogram& histogram, std::size_t nbytes, unsigned pending, BlockPlan& plan) {
  histogram.litlen[kEndOfBlock] = 1;
  SymbolCode& litlen = plan.code.litlen;
  SymbolCode& distance = plan.code.distance;
  litlen.build({histogram.litlen.data(), kLitLenSymbols}, kMaxCodeLength);
  distance.build({histogram.distance.data(), kDistanceSymbols}, kMaxCodeLength);
  plan_header(plan.code, {}, plan.header);

  const BlockCode& fixed = fixed_code();
  std::size_t extra_nbits = 0, dynamic_nbits = plan.header.nbits, fixed_nbits = 0;
  for (std::size_t i = 0; i < litlen.nused; ++i) {
    const std::size_t symbol = litlen.used[i], count = histogram.litlen[symbol];
    dynamic_nbits += count * litlen.lengths[symbol];
    fixed_nbits += count * fixed.litlen.lengths[symbol];
    if (symbol > kEndOfBlock) extra_nbits += count * kLengthExtra[symbol - 257];
  }
  for (std::size_t i = 0; i < distance.nused; ++i) {
    const std::size_t symbol = distance.used[i], count = histogram.distance[symbol];
    dynamic_nbits += count * distance.lengths[symbol];
    fixed_nbits += count * 5;
    extra_nbits += count * kDistanceExtra[symbol];
  }
  const std::size_t stored = stored_nbits(nbytes, pending);
  const std::size_t coded = 3 + extra_nbits + std::min(dynamic_nbits, fixed_nbits);
  plan.nbits = std::min(stored, coded);
  if (stored <= coded) {
    plan.kind = BlockKind::stored;
  } else if (fixed_nbits <= dynamic_nbits) {
    plan.kind = BlockKind::fixed;
  } else {
    plan.kind = BlockKind::dynamic;
    litlen.assign();
    distance.assign();
  }
}

void begin_block(BitWriter& writer, const BlockPlan& plan, bool last) {
  writer.put_and_flush(unsigned{last} | static_cast<unsigned>(plan.kind) << 1, 3);
  if (plan.kind == BlockKind::dynamic) plan.header.write(writer);
}

void write_stored(BitWriter& writer, std::span<const std::uint8_t> bytes, bool last) {
  do {
    const std::size_t part = std::min(bytes.size(), kStoredMost);
    writer.put(unsigned{last && part == bytes.size()}, 3);
    writer.align_to_byte();
    writer.put_and_flush(part | (part ^ 0xFFFF) << 16, 32);
    writer.copy(bytes.data(), part);
    bytes = bytes.subspan(part);
  } while (!bytes.empty());
}

}  // namespace framedeflate
