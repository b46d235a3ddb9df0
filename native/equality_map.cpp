// SPDX-License-Identifier: Apache-2.0
#include "equality_map.hpp"

#include <algorithm>
#include <cstring>

#include "simd.hpp"

namespace framedeflate {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};

constexpr std::size_t kStretch = 256;  // bytes that are looked at together where they may be background

// `equal` says which of 64 bytes at `a` equal those at `b`; `all_are` whether all of a stretch have one
// value.
struct PortableCompare {
  static std::uint64_t equal(const std::uint8_t* a, const std::uint8_t* b) noexcept {
    std::uint64_t result = 0;
    for (unsigned i = 0; i < 64; ++i) result |= std::uint64_t{a[i] == b[i]} << i;
    return result;
  }
  static bool all_are(const std::uint8_t* a, std::uint8_t value) noexcept {
    const std::uint64_t eight = value * std::uint64_t{0x0101010101010101};
    std::uint64_t differences = 0, word = 0;
    for (std::size_t i = 0; i < kStretch; i += 8) {
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
    __m128i same = _mm_cmpeq_epi8(load(a), wanted), same2 = _mm_cmpeq_epi8(load(a + 16), wanted);
    for (std::size_t i = 32; i < kStretch; i += 32) {
      same = _mm_and_si128(same, _mm_cmpeq_epi8(load(a + i), wanted));
      same2 = _mm_and_si128(same2, _mm_cmpeq_epi8(load(a + i + 16), wanted));
    }
    return _mm_movemask_epi8(_mm_and_si128(same, same2)) == 0xFFFF;
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
    uint8x16_t same = vceqq_u8(vld1q_u8(a), wanted), same2 = vceqq_u8(vld1q_u8(a + 16), wanted);
    for (std::size_t i = 32; i < kStretch; i += 32) {
      same = vandq_u8(same, vceqq_u8(vld1q_u8(a + i), wanted));
      same2 = vandq_u8(same2, vceqq_u8(vld1q_u8(a + i + 16), wanted));
    }
    return vminvq_u8(vandq_u8(same, same2)) == 0xFF;
  }
};
#else
using SimdCompare = PortableCompare;
#endif

void clear_behind(std::size_t nbytes, std::uint64_t* map) noexcept {
  for (std::size_t word = (nbytes + 63) / 64; word < map_nwords(nbytes); ++word) map[word] = 0;
}

// A word of the map of fewer than 64 + distance bytes.
std::uint64_t short_word(std::span<const std::uint8_t> bytes, std::size_t distance,
                         std::size_t first) noexcept {
  std::uint64_t word = 0;
  const std::size_t stop = std::min(bytes.size(), first + 64);
  for (std::size_t i = std::max(first, distance); i < stop; ++i) {
    word |= std::uint64_t{bytes[i] == bytes[i - distance]} << (i - first);
  }
  return word;
}

// The word of the bytes from `first` on, which may begin less than `distance` before the start of the frame
// or end behind it. The frame has at least 64 + distance bytes.
template <class Compare>
std::uint64_t edge_word(std::span<const std::uint8_t> bytes, std::size_t distance,
                        std::size_t first) noexcept {
  const std::uint8_t* const data = bytes.data();
  if (first + 64 <= distance) return 0;
  if (first < distance) return Compare::equal(data + distance, data) << (distance - first);
  const std::size_t last = std::min(first, bytes.size() - 64);
  return Compare::equal(data + last, data + last - distance) >> (first - last);
}

template <class Compare>
void map_equal_with(std::span<const std::uint8_t> bytes, std::size_t distance, std::uint64_t* map) noexcept {
  const std::size_t n = bytes.size();
  std::size_t i = 0;
  if (n < 64 || n - 64 < distance) {
    for (; i < n; i += 64) map[i / 64] = short_word(bytes, distance, i);
  } else {
    for (; i < distance; i += 64) map[i / 64] = edge_word<Compare>(bytes, distance, i);
    for (; i + 64 <= n; i += 64) map[i / 64] = Compare::equal(bytes.data() + i, bytes.data() + i - distance);
    if (i < n) map[i / 64] = edge_word<Compare>(bytes, distance, i);
  }
  clear_behind(n, map);
}

template <class Compare>
bool map_both_with(std::span<const std::uint8_t> bytes, std::size_t row, std::uint64_t* run_map,
                   std::uint64_t* row_map) noexcept {
  const std::size_t n = bytes.size();
  const std::uint8_t* const data = bytes.data();
  if (n < 64 || n - 64 < row) {
    map_equal_with<Compare>(bytes, 1, run_map);
    map_equal_with<Compare>(bytes, row, row_map);
    return std::all_of(bytes.begin(), bytes.end(), [&](std::uint8_t byte) { return byte == bytes[0]; });
  }
  const auto both_words = [&](std::size_t i) {
    run_map[i / 64] = Compare::equal(data + i, data + i - 1);
    row_map[i / 64] = Compare::equal(data + i, data + i - row);
  };
  // All bytes before i and from `since` on are known to have one value.
  std::size_t i = 0, since = 0;
  for (; i < row; i += 64) {
    run_map[i / 64] = i > 0 ? Compare::equal(data + i, data + i - 1) : edge_word<Compare>(bytes, 1, i);
    row_map[i / 64] = edge_word<Compare>(bytes, row, i);
    if (run_map[i / 64] != kOnes << (i == 0)) since = i + 64;
  }
  // Most of a sparse frame is one value for long. There one look at a stretch answers for the run map, and
  // once it has lasted a whole row for the row map as well. Smaller stretches would save compares and lose
  // more on branches that go wrong.
  for (; i + kStretch <= n; i += kStretch) {
    if (!Compare::all_are(data + i, data[i - 1])) {
      for (std::size_t k = 0; k < kStretch; k += 64) both_words(i + k);
      since = i + kStretch;
    } else if (i < since + row) {
      for (std::size_t k = 0; k < kStretch; k += 64) {
        run_map[(i + k) / 64] = kOnes;
        row_map[(i + k) / 64] = Compare::equal(data + i + k, data + i + k - row);
      }
    } else {
      std::fill_n(run_map + i / 64, kStretch / 64, kOnes);
      std::fill_n(row_map + i / 64, kStretch / 64, kOnes);
    }
  }
  bool uniform = since == 0;
  for (; i + 64 <= n; i += 64) {
    both_words(i);
    uniform = uniform && run_map[i / 64] == kOnes;
  }
  if (i < n) {
    run_map[i / 64] = edge_word<Compare>(bytes, 1, i);
    row_map[i / 64] = edge_word<Compare>(bytes, row, i);
    uniform = uniform && run_map[i / 64] == kOnes >> (64 - (n - i));
  }
  clear_behind(n, run_map);
  clear_behind(n, row_map);
  return uniform;
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
