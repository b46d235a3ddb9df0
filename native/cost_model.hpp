// SPDX-License-Identifier: Apache-2.0
// What each symbol will cost, guessed from how often a parse before used it. All in 64ths of a bit and whole
// numbers: the bytes written must not hang on how a machine rounds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "block.hpp"

namespace framedeflate {

inline constexpr std::int32_t kBit = 64;

// kBit * log2(value), rounded down to within one; value is at least 1.
[[nodiscard]] std::int32_t log2_fixed(std::uint32_t value) noexcept;

struct CostModel {
  std::array<std::int32_t, 256> literal;
  std::array<std::int32_t, kMaxMatch + 1> length;       // by length from 3 on, extra bits included
  std::array<std::int32_t, kDistanceSymbols> distance;  // extra bits included

  // A symbol that occurs f times among n costs log2(n / f) bits and its share of the header: each that is
  // used takes about `header_nbits` there, which on a frame of some hundred bytes decides what is worth
  // using.
  void learn(const Histogram& histogram, std::int32_t header_nbits);
};

// About how many bits the symbols and their header take in a block of their own, without extra bits.
[[nodiscard]] std::size_t estimated_nbits(const Histogram& histogram);

}  // namespace framedeflate
