// SPDX-License-Identifier: Apache-2.0
#include "checksum.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "bit_source.hpp"
#include "simd.hpp"

// Carry-less products are asked for at run time: not every processor with SSE2 has them.
#if FRAMEDEFLATE_SSE2 && defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <wmmintrin.h>
#define FRAMEDEFLATE_CARRYLESS 1
#endif

namespace framedeflate {
namespace {

// --- Adler-32: a the sum of the bytes and 1, b the sum of all values of a, both modulo 65521. ---

constexpr std::uint32_t kAdlerModulus = 65521;
// The most bytes of 255 after which b, begun below the modulus, still fits 32 bits; a multiple of 16.
constexpr std::size_t kAdlerBlock = 5552;

struct Adler {
  std::uint32_t a = 1;
  std::uint32_t b = 0;

  void add_bytes(std::span<const std::uint8_t> block) noexcept {
    for (const std::uint8_t byte : block) {
      a += byte;
      b += a;
    }
  }

#if FRAMEDEFLATE_SSE2
  // The k-th of 16 bytes adds itself 16 - k times to b, and what a was before them adds itself 16 times.
  void add_pieces(std::span<const std::uint8_t> block) noexcept {
    const __m128i zero = _mm_setzero_si128();
    const __m128i weights_low = _mm_set_epi16(9, 10, 11, 12, 13, 14, 15, 16);
    const __m128i weights_high = _mm_set_epi16(1, 2, 3, 4, 5, 6, 7, 8);
    __m128i sums = _mm_cvtsi32_si128(static_cast<int>(a));
    __m128i sums_before = zero;
    __m128i weighted = zero;
    for (std::size_t i = 0; i < block.size(); i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.data() + i));
      sums_before = _mm_add_epi32(sums_before, sums);
      sums = _mm_add_epi32(sums, _mm_sad_epu8(bytes, zero));
      weighted = _mm_add_epi32(weighted, _mm_madd_epi16(_mm_unpacklo_epi8(bytes, zero), weights_low));
      weighted = _mm_add_epi32(weighted, _mm_madd_epi16(_mm_unpackhi_epi8(bytes, zero), weights_high));
    }
    a = total(sums);
    b += 16 * total(sums_before) + total(weighted);
  }

  static std::uint32_t total(__m128i four) noexcept {
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si32(four));
  }
#else
  void add_pieces(std::span<const std::uint8_t> block) noexcept { add_bytes(block); }
#endif
};

// --- CRC-32: the remainder modulo this polynomial, of which the highest power is the lowest bit. ---

constexpr std::uint32_t kPolynomial = 0xEDB88320;

// Times x.
constexpr std::uint32_t shifted(std::uint32_t remainder) noexcept {
  return (remainder & 1) != 0 ? remainder >> 1 ^ kPolynomial : remainder >> 1;
}

// tables[k][byte]: what a byte that k more bytes follow does to the remainder.
constexpr std::size_t kSlices = 16;
using CrcTables = std::array<std::array<std::uint32_t, 256>, kSlices>;
constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int i = 0; i < 8; ++i) remainder = shifted(remainder);
    tables[0][byte] = remainder;
  }
  for (std::size_t k = 1; k < kSlices; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr CrcTables kCrcTables = make_crc_tables();

std::uint32_t add_to_crc(std::uint32_t crc, std::span<const std::uint8_t> data) noexcept {
  std::size_t i = 0;
  for (; data.size() - i >= kSlices; i += kSlices) {
    const std::uint64_t low = load_le64(data.data() + i) ^ crc;
    const std::uint64_t high = load_le64(data.data() + i + 8);
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      crc ^= kCrcTables[15 - k][low >> 8 * k & 0xFF] ^ kCrcTables[7 - k][high >> 8 * k & 0xFF];
    }
  }
  for (; i < data.size(); ++i) crc = crc >> 8 ^ kCrcTables[0][(crc ^ data[i]) & 0xFF];
  return crc;
}

#if FRAMEDEFLATE_CARRYLESS
// x^n modulo the polynomial, one bit higher: a product of two mirrored numbers comes out one bit too low.
constexpr std::int64_t power(unsigned n) noexcept {
  std::uint32_t remainder = 0x80000000;
  for (; n != 0; --n) remainder = shifted(remainder);
  return static_cast<std::int64_t>(std::uint64_t{remainder} << 1);
}

constexpr std::size_t kFoldedNbytes = 64;

__m128i load(std::span<const std::uint8_t> data, std::size_t at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data.data() + at));
}

// Moves 128 bits by `kBits` towards the end of the data, to where `next` is: both halves times the power of x
// that they are moved by.
template <unsigned kBits>
__attribute__((target("pclmul"))) __m128i fold(__m128i bits, __m128i next) noexcept {
  constexpr std::int64_t kHigh = power(kBits - 32), kLow = power(kBits + 32);
  const __m128i powers = _mm_set_epi64x(kHigh, kLow);
  const __m128i moved =
      _mm_xor_si128(_mm_clmulepi64_si128(bits, powers, 0x00), _mm_clmulepi64_si128(bits, powers, 0x11));
  return _mm_xor_si128(moved, next);
}

// Data of at least 64 bytes. Four pieces of 16 bytes are folded into those 64 bytes on, and at the end into
// one piece with the same remainder as all of it.
__attribute__((target("pclmul"))) std::uint32_t fold_to_crc(std::uint32_t crc,
                                                            std::span<const std::uint8_t> data) noexcept {
  __m128i x0 = _mm_xor_si128(load(data, 0), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i x1 = load(data, 16), x2 = load(data, 32), x3 = load(data, 48);
  std::size_t i = kFoldedNbytes;
  for (; data.size() - i >= kFoldedNbytes; i += kFoldedNbytes) {
    x0 = fold<512>(x0, load(data, i));
    x1 = fold<512>(x1, load(data, i + 16));
    x2 = fold<512>(x2, load(data, i + 32));
    x3 = fold<512>(x3, load(data, i + 48));
  }
  x3 = fold<128>(fold<128>(fold<128>(x0, x1), x2), x3);
  std::array<std::uint8_t, 16> piece;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(piece.data()), x3);
  return add_to_crc(add_to_crc(0, piece), data.subspan(i));
}
#endif

}  // namespace

std::uint32_t adler32(std::span<const std::uint8_t> data) noexcept {
  Adler sums;
  while (!data.empty()) {
    const std::span<const std::uint8_t> block = data.first(std::min(data.size(), kAdlerBlock));
    const std::size_t pieces = block.size() / 16 * 16;
    sums.add_pieces(block.first(pieces));
    sums.add_bytes(block.subspan(pieces));
    sums.a %= kAdlerModulus;
    sums.b %= kAdlerModulus;
    data = data.subspan(block.size());
  }
  return sums.b << 16 | sums.a;
}

std::uint32_t crc32(std::span<const std::uint8_t> data) noexcept {
  constexpr std::uint32_t kOnes = 0xFFFFFFFF;
#if FRAMEDEFLATE_CARRYLESS
  if (data.size() >= kFoldedNbytes && __builtin_cpu_supports("pclmul")) return ~fold_to_crc(kOnes, data);
#endif
  return ~add_to_crc(kOnes, data);
}

}  // namespace framedeflate
