// SPDX-License-Identifier: Apache-2.0
// Most of a segmentation is background and most of the rest lies inside of something: pieces of 64 bytes, 512
// pixels, that are all alike are counted, and their pixels are set, or left alone, together: .6 of the time
// on sparse Frames. Smaller pieces would cost dense Frames more in branches than they save.
#include "unpack.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "bit_source.hpp"
#include "simd.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kPieceNbytes = 64;

// The bytes 0 or 1 of eight pixels, the first of them lowest.
constexpr std::array<std::uint64_t, 256> make_spread() {
  std::array<std::uint64_t, 256> spread{};
  for (std::size_t value = 0; value < 256; ++value) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      spread[value] |= static_cast<std::uint64_t>(value >> bit & 1) << (8 * bit);
    }
  }
  return spread;
}
constexpr auto kSpread = make_spread();

#if defined(FRAMEDEFLATE_SSE2)
// Sixteen copies of each two bytes, of which every pixel keeps its own bit: half the time of the table.
void unpack_8_bytes(const std::uint8_t* from, std::uint8_t* to) noexcept {
  const __m128i own_bit = _mm_set1_epi64x(static_cast<long long>(0x8040201008040201));
  const __m128i one = _mm_set1_epi8(1);
  const auto put = [&](__m128i copies, std::uint8_t* pixels) {
    const __m128i bits = _mm_min_epu8(_mm_and_si128(copies, own_bit), one);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(pixels), bits);
  };
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  const __m128i twice = _mm_unpacklo_epi8(bytes, bytes);
  const __m128i low = _mm_unpacklo_epi16(twice, twice);
  const __m128i high = _mm_unpackhi_epi16(twice, twice);
  put(_mm_shuffle_epi32(low, 0x50), to);
  put(_mm_shuffle_epi32(low, 0xFA), to + 16);
  put(_mm_shuffle_epi32(high, 0x50), to + 32);
  put(_mm_shuffle_epi32(high, 0xFA), to + 48);
}
#else
void unpack_8_bytes(const std::uint8_t* from, std::uint8_t* to) noexcept {
  for (std::size_t i = 0; i < 8; ++i) store_le64(to + 8 * i, kSpread[from[i]]);
}
#endif

bool all_are(const std::uint8_t* piece, std::uint64_t word) noexcept {
  std::uint64_t differences = 0;
  for (std::size_t i = 0; i < kPieceNbytes; i += 8) differences |= load_le64(piece + i) ^ word;
  return differences == 0;
}

}  // namespace

void unpack_frame(std::span<const std::uint8_t> frame, std::span<std::uint8_t> pixels,
                  Memory memory) noexcept {
  const std::uint8_t* from = frame.data();
  std::uint8_t* to = pixels.data();
  std::size_t pieces = pixels.size() / (8 * kPieceNbytes);
  while (pieces != 0) {
    const std::uint64_t word = load_le64(from);
    std::size_t run = 0;
    if (word == 0 || word == ~std::uint64_t{0}) {
      while (run < pieces && all_are(from + run * kPieceNbytes, word)) ++run;
    }
    if (run != 0) {
      const std::size_t npixels = 8 * kPieceNbytes * run;
      if (word != 0 || memory == Memory::any) std::memset(to, static_cast<int>(word & 1), npixels);
      from += kPieceNbytes * run;
      to += npixels;
      pieces -= run;
    } else {
      for (std::size_t i = 0; i < kPieceNbytes; i += 8) unpack_8_bytes(from + i, to + 8 * i);
      from += kPieceNbytes;
      to += 8 * kPieceNbytes;
      --pieces;
    }
  }
  std::size_t rest = pixels.size() % (8 * kPieceNbytes);
  for (; rest >= 64; rest -= 64, from += 8, to += 64) unpack_8_bytes(from, to);
  for (; rest >= 8; rest -= 8, to += 8) store_le64(to, kSpread[*from++]);
  for (std::size_t bit = 0; bit < rest; ++bit) to[bit] = *from >> bit & 1;
}

void unpack_bits(std::span<const std::uint8_t> frames, std::size_t frame_nbits, std::size_t nframes,
                 std::span<std::uint8_t> pixels) noexcept {
  const std::size_t frame_nbytes = frame_nbits / 8 + (frame_nbits % 8 != 0);
  for (std::size_t i = 0; i < nframes; ++i) {
    unpack_frame(frames.subspan(i * frame_nbytes, frame_nbytes), pixels.subspan(i * frame_nbits, frame_nbits),
                 Memory::any);
  }
}

void copy_into_zeroed(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) noexcept {
  std::size_t i = 0;
  for (; i + 64 <= from.size(); i += 64) {
    std::uint64_t any = 0;
    for (std::size_t k = 0; k < 64; k += 8) any |= load_le64(from.data() + i + k);
    if (any != 0) std::memcpy(to.data() + i, from.data() + i, 64);
  }
  for (; i < from.size(); ++i) {
    if (from[i] != 0) to[i] = from[i];
  }
}

}  // namespace framedeflate
