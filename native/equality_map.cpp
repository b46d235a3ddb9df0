// SPDX-License-Identifier: Apache-2.0
#include "equality_map.hpp"

#include <algorithm>
#include <cstring>

#if defined(FRAMEDEFLATE_PORTABLE)
// As on a machine without either.
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define FRAMEDEFLATE_SSE2 1
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define FRAMEDEFLATE_NEON 1
#endif

namespace framedeflate {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};

// `equal` says which of 64 bytes at `a` equal those at `b`; `all_are` whether all 64 have one value.
struct PortableCompare {
  static std::uint64_t equal(const std::uint8_t* a, const std::uint8_t* b) noexcept {
    std::uint64_t result = 0;
    for (unsigned i = 0; i < 64; ++i) result |= std::uint64_t{a[i] == b[i]} << i;
    return result;
  }
  static bool all_are(const std::uint8_t* a, std::uint8_t value) noexcept {
    const std::uint64_t eight = value * std::uint64_t{0x0101010101010101};
    std::uint64_t differences = 0, word = 0;
    for (unsigned i = 0; i < 64; i += 8) {
      std::memcpy(&word, a + i, sizeof word);
      differences |= word ^ eight;
    }
    return differences == 0;
  }
};

#if defined(FRAMEDEFLATE_SSE2)
struct SimdCompare {
  static __m128i load(const std::uint8_t* at) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static std::uint64_t equal(const std::uint8_t* a, const std::uint8_t* b) noexcept {
    const auto mask = [](const std::uint8_t* x, const std::uint8_t* y) {
      return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(x), load(y))));
    };
    const std::uint32_t low = mask(a, b) | mask(a + 16, b + 16) << 16;
    const std::uint32_t high = mask(a + 32, b + 32) | mask(a + 48, b + 48) << 16;
    return low | std::uint64_t{high} << 32;
  }
  static bool all_are(const std::uint8_t* a, std::uint8_t value) noexcept {
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(value));
    const __m128i low = _mm_and_si128(_mm_cmpeq_epi8(load(a), wanted), _mm_cmpeq_epi8(load(a + 16), wanted));
    const __m128i high =
        _mm_and_si128(_mm_cmpeq_epi8(load(a + 32), wanted), _mm_cmpeq_epi8(load(a + 48), wanted));
    return _mm_movemask_epi8(_mm_and_si128(low, high)) == 0xFFFF;
  }
};
#elif defined(FRAMEDEFLATE_NEON)
struct SimdCompare {
  static std::uint64_t equal(const std::uint8_t* a, const std::uint8_t* b) noexcept {
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
  static bool all_are(const std::uint8_t* a, std::uint8_t value) noexcept {
    const uint8x16_t wanted = vdupq_n_u8(value);
    const uint8x16_t low = vandq_u8(vceqq_u8(vld1q_u8(a), wanted), vceqq_u8(vld1q_u8(a + 16), wanted));
    const uint8x16_t high = vandq_u8(vceqq_u8(vld1q_u8(a + 32), wanted), vceqq_u8(vld1q_u8(a + 48), wanted));
    return vminvq_u8(vandq_u8(low, high)) == 0xFF;
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
  for (; i + 64 <= n; i += 64) map[i / 64] = Compare::equal(bytes.data() + i, bytes.data() + i - distance);
  if (i < n) map[i / 64] = edge_word(bytes, distance, i);
  clear_behind(n, map);
}

template <class Compare>
bool map_both_with(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                   std::uint64_t* row_map) noexcept {
  const std::size_t n = bytes.size();
  const std::uint8_t* data = bytes.data();
  std::size_t i = 0;
  for (; i < n && i < row; i += 64) {
    run_map[i / 64] = i > 0 && i + 64 <= n ? Compare::equal(data + i, data + i - 1) : edge_word(bytes, 1, i);
    row_map[i / 64] = edge_word(bytes, row, i);
  }
  // Most of a sparse frame is one value for long. There one compare with that value answers for the run map,
  // and once it has lasted a whole row (the bytes from `since` on) for the row map as well.
  std::size_t since = 0;
  while (since < std::min(i, n) && data[since] == data[0]) ++since;
  since = since == std::min(i, n) ? 0 : i;
  while (i + 64 <= n) {
    const std::uint8_t value = data[i - 1];
    std::size_t stop = i;
    while (stop + 64 <= n && Compare::all_are(data + stop, value)) stop += 64;
    std::fill(run_map + i / 64, run_map + stop / 64, kOnes);
    for (; i < stop && i < since + row; i += 64) row_map[i / 64] = Compare::equal(data + i, data + i - row);
    std::fill(row_map + i / 64, row_map + stop / 64, kOnes);
    i = stop;
    // Words that change, until one ends in a byte that may last.
    bool lasts = false;
    for (; !lasts && i + 64 <= n; i += 64) {
      const std::uint64_t run = Compare::equal(data + i, data + i - 1);
      run_map[i / 64] = run;
      row_map[i / 64] = Compare::equal(data + i, data + i - row);
      since = i + 63;
      lasts = run >> 48 == 0xFFFF;
    }
  }
  const bool uniform_so_far = since == 0;
  if (i < n) {
    run_map[i / 64] = edge_word(bytes, 1, i);
    row_map[i / 64] = edge_word(bytes, row, i);
  }
  clear_behind(n, run_map);
  clear_behind(n, row_map);
  return n < 2 || (uniform_so_far && (i >= n || run_map[i / 64] == kOnes >> (64 - (n - i))));
}

}  // namespace

std::uint64_t equal_64(const std::uint8_t* a, const std::uint8_t* b) noexcept {
  return SimdCompare::equal(a, b);
}

void map_equal(std::span<const std::uint8_t> bytes, std::size_t distance, std::uint64_t* map) noexcept {
  map_equal_with<SimdCompare>(bytes, distance, map);
}

bool map_run_and_row(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                     std::uint64_t* row_map) noexcept {
  return map_both_with<SimdCompare>(bytes, row, run_map, row_map);
}

namespace portable {

std::uint64_t equal_64(const std::uint8_t* a, const std::uint8_t* b) noexcept {
  return PortableCompare::equal(a, b);
}

void map_equal(std::span<const std::uint8_t> bytes, std::size_t distance, std::uint64_t* map) noexcept {
  map_equal_with<PortableCompare>(bytes, distance, map);
}

bool map_run_and_row(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                     std::uint64_t* row_map) noexcept {
  return map_both_with<PortableCompare>(bytes, row, run_map, row_map);
}

}  // namespace portable
}  // namespace framedeflate
