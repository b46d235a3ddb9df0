// SPDX-License-Identifier: Apache-2.0
#include "equality_map.hpp"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define FRAMEDEFLATE_SSE2 1
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define FRAMEDEFLATE_NEON 1
#endif

namespace framedeflate {
namespace {

// A comparer says which of 64 bytes at `a` equal those at `b`.
struct PortableCompare {
  static std::uint64_t mask(const std::uint8_t* a, const std::uint8_t* b) noexcept {
    std::uint64_t result = 0;
    for (unsigned i = 0; i < 64; ++i) result |= std::uint64_t{a[i] == b[i]} << i;
    return result;
  }
};

#if defined(FRAMEDEFLATE_SSE2)
struct SimdCompare {
  static std::uint64_t mask(const std::uint8_t* a, const std::uint8_t* b) noexcept {
    const auto load = [](const std::uint8_t* at) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    };
    const __m128i e0 = _mm_cmpeq_epi8(load(a), load(b));
    const __m128i e1 = _mm_cmpeq_epi8(load(a + 16), load(b + 16));
    const __m128i e2 = _mm_cmpeq_epi8(load(a + 32), load(b + 32));
    const __m128i e3 = _mm_cmpeq_epi8(load(a + 48), load(b + 48));
    const auto m0 = static_cast<std::uint32_t>(_mm_movemask_epi8(e0));
    const auto m1 = static_cast<std::uint32_t>(_mm_movemask_epi8(e1));
    const auto m2 = static_cast<std::uint32_t>(_mm_movemask_epi8(e2));
    const auto m3 = static_cast<std::uint32_t>(_mm_movemask_epi8(e3));
    return std::uint64_t{m0 | m1 << 16} | std::uint64_t{m2 | m3 << 16} << 32;
  }
};
#elif defined(FRAMEDEFLATE_NEON)
struct SimdCompare {
  static std::uint64_t mask(const std::uint8_t* a, const std::uint8_t* b) noexcept {
    // Each lane keeps its own bit; three rounds of pairwise adds bring eight lanes into a byte.
    static constexpr std::uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t bits = vld1q_u8(kBits);
    const uint8x16_t e0 = vandq_u8(vceqq_u8(vld1q_u8(a), vld1q_u8(b)), bits);
    const uint8x16_t e1 = vandq_u8(vceqq_u8(vld1q_u8(a + 16), vld1q_u8(b + 16)), bits);
    const uint8x16_t e2 = vandq_u8(vceqq_u8(vld1q_u8(a + 32), vld1q_u8(b + 32)), bits);
    const uint8x16_t e3 = vandq_u8(vceqq_u8(vld1q_u8(a + 48), vld1q_u8(b + 48)), bits);
    const uint8x16_t pairs = vpaddq_u8(vpaddq_u8(e0, e1), vpaddq_u8(e2, e3));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(pairs, pairs)), 0);
  }
};
#else
using SimdCompare = PortableCompare;
#endif

void clear_behind(std::size_t nbytes, std::uint64_t* map) noexcept {
  for (std::size_t word = (nbytes + 63) / 64; word < map_nwords(nbytes); ++word) map[word] = 0;
}

// A word of the map that whole 64-byte compares cannot make: at the start of the frame or at its end.
std::uint64_t edge_word(std::span<const std::uint8_t> bytes, std::size_t distance,
                        std::size_t first) noexcept {
  std::uint64_t word = 0;
  const std::size_t stop = std::min(bytes.size(), first + 64);
  for (std::size_t i = std::max(first, distance); i < stop; ++i) {
    word |= std::uint64_t{bytes[i] == bytes[i - distance]} << (i - first);
  }
  return word;
}

template <class Compare>
void map_equal_with(std::span<const std::uint8_t> bytes, std::size_t distance, std::uint64_t* map) noexcept {
  const std::size_t n = bytes.size();
  std::size_t i = 0;
  for (; i < n && i < distance; i += 64) map[i / 64] = edge_word(bytes, distance, i);
  for (; i + 64 <= n; i += 64) map[i / 64] = Compare::mask(bytes.data() + i, bytes.data() + i - distance);
  if (i < n) map[i / 64] = edge_word(bytes, distance, i);
  clear_behind(n, map);
}

template <class Compare>
void map_both_with(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                   std::uint64_t* row_map) noexcept {
  const std::size_t n = bytes.size();
  const std::uint8_t* data = bytes.data();
  // Where byte has equalled byte for a whole row and this word, the row map is all ones without a look: true
  // of most of a sparse frame, and well predicted there.
  const std::size_t settled = (row + 62) / 64 + 1;
  std::size_t ones = 0, i = 0;
  for (; i < n && i < row; i += 64) {
    run_map[i / 64] = i > 0 && i + 64 <= n ? Compare::mask(data + i, data + i - 1) : edge_word(bytes, 1, i);
    row_map[i / 64] = edge_word(bytes, row, i);
    ones = run_map[i / 64] == ~std::uint64_t{0} ? ones + 1 : 0;
  }
  for (; i + 64 <= n; i += 64) {
    const std::uint64_t run = Compare::mask(data + i, data + i - 1);
    run_map[i / 64] = run;
    ones = run == ~std::uint64_t{0} ? ones + 1 : 0;
    row_map[i / 64] = ones >= settled ? ~std::uint64_t{0} : Compare::mask(data + i, data + i - row);
  }
  if (i < n) {
    run_map[i / 64] = edge_word(bytes, 1, i);
    row_map[i / 64] = edge_word(bytes, row, i);
  }
  clear_behind(n, run_map);
  clear_behind(n, row_map);
}

template <class Compare>
bool is_uniform_with(std::span<const std::uint8_t> bytes) noexcept {
  const std::size_t n = bytes.size();
  const std::uint8_t* data = bytes.data();
  if (n < 2) return true;
  std::size_t i = 1;
  for (; i + 64 <= n; i += 64) {
    if (Compare::mask(data + i, data + i - 1) != ~std::uint64_t{0}) return false;
  }
  for (; i < n; ++i) {
    if (data[i] != data[i - 1]) return false;
  }
  return true;
}

}  // namespace

std::uint64_t equal_64(const std::uint8_t* a, const std::uint8_t* b) noexcept {
  return SimdCompare::mask(a, b);
}

void map_equal(std::span<const std::uint8_t> bytes, std::size_t distance, std::uint64_t* map) noexcept {
  map_equal_with<SimdCompare>(bytes, distance, map);
}

void map_run_and_row(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                     std::uint64_t* row_map) noexcept {
  map_both_with<SimdCompare>(bytes, row, run_map, row_map);
}

bool is_uniform(std::span<const std::uint8_t> bytes) noexcept { return is_uniform_with<SimdCompare>(bytes); }

namespace portable {

void map_equal(std::span<const std::uint8_t> bytes, std::size_t distance, std::uint64_t* map) noexcept {
  map_equal_with<PortableCompare>(bytes, distance, map);
}

void map_run_and_row(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                     std::uint64_t* row_map) noexcept {
  map_both_with<PortableCompare>(bytes, row, run_map, row_map);
}

bool is_uniform(std::span<const std::uint8_t> bytes) noexcept {
  return is_uniform_with<PortableCompare>(bytes);
}

}  // namespace portable
}  // namespace framedeflate
